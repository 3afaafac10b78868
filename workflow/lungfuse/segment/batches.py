"""Annotated X-rays in batches for Keras, the same ones for the same seed and epoch."""

import keras
import numpy as np

from lungfuse.segment.augment import augment


class AnnotatedBatches(keras.utils.PyDataset):
    """Batches of images (B, y, x, 1) in [0, 1] and masks of 0 and 1 of the same shape, both float32.

    `images` is uint8 and `masks` bool, (image, y, x); `rows` are those that are given out. With `augmented` they come
    in random order and in variants that depend on the seed and the epoch alone, so that a resumed training sees what
    an unbroken one does.
    """

    def __init__(
        self,
        images: np.ndarray,
        masks: np.ndarray,
        rows: np.ndarray,
        batch: int,
        augmented: bool,
        seed: int = 0,
        epoch: int = 0,
    ):
        super().__init__(workers=1, max_queue_size=4)
        self.images, self.masks, self.rows, self.batch = images, masks, rows, batch
        self.augmented, self.seed, self.epoch = augmented, seed, epoch

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.rows) if self.augmented else self.rows
        chosen = order[number * self.batch : (number + 1) * self.batch]
        images, masks = (np.stack([array[row] for row in chosen]) for array in [self.images, self.masks])
        if self.augmented:
            rng = np.random.default_rng([self.seed, self.epoch, number])
            images, masks = map(np.stack, zip(*map(augment, [rng] * len(chosen), images, masks), strict=True))
            return images[..., None], masks[..., None]
        return images[..., None].astype(np.float32) / 255, masks[..., None].astype(np.float32)

    def on_epoch_end(self) -> None:
        self.epoch += 1

"""Annotated X-rays in batches for Keras, the same ones for the same seed and epoch."""

import keras
import numpy as np

from lungfuse.segment.augment import augment


class AnnotatedBatches(keras.utils.PyDataset):
    """Batches of images (B, y, x, 1) in [0, 1] and masks of 0 and 1 of the same shape, both float32.

    `images` is uint8 and `masks` bool, (image, y, x); `rows` are those that are given out, in their order.
    """

    def __init__(self, images: np.ndarray, masks: np.ndarray, rows: np.ndarray, batch: int):
        super().__init__()
        self.images, self.masks, self.rows, self.batch = images, masks, rows, batch
        self.steps = -(-len(rows) // batch)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        images, masks = self.read(self.rows[number * self.batch : (number + 1) * self.batch])
        return images[..., None].astype(np.float32) / 255, masks[..., None].astype(np.float32)

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.images[rows], self.masks[rows]


class AugmentedBatches(AnnotatedBatches):
    """The batches of all epochs from `first` to `epochs` in a row, `steps` of them an epoch.

    Order and variants depend on the seed and the epoch alone, so that a resumed training sees what an unbroken one
    does. (Keras asks for batches before the epoch they belong to has begun, so its callbacks cannot say it.)
    """

    def __init__(self, *data: np.ndarray, batch: int, seed: int, first: int, epochs: int):
        super().__init__(*data, batch)
        self.seed, self.first, self.epochs = seed, first, epochs

    def __len__(self) -> int:
        return self.steps * (self.epochs - self.first)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, step = self.first + number // self.steps, number % self.steps
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        rng = np.random.default_rng([self.seed, epoch, step])
        chosen = self.read(order[step * self.batch : (step + 1) * self.batch])
        images, masks = zip(*(augment(rng, image, mask) for image, mask in zip(*chosen, strict=True)), strict=True)
        return np.stack(images)[..., None], np.stack(masks)[..., None]

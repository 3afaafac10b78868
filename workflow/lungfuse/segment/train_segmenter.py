"""Train a segmenter on the annotated images of some sites."""

import json
import sys
import time
from pathlib import Path

import h5py
import keras
import numpy as np
import pandas as pd
from keras.callbacks import Callback, EarlyStopping, ReduceLROnPlateau

from lungfuse.dependencies import digest
from lungfuse.errors import UserError
from lungfuse.files import atomic_path, atomic_write, read_array, sha256
from lungfuse.parameters import AnnotatedFiles, options
from lungfuse.processor import keep_freed_memory
from lungfuse.segment.batches import AnnotatedBatches, AugmentedBatches
from lungfuse.segment.keras_engine import dtype_of, seed_and_limit_threads, write_history
from lungfuse.segment.unet import build_unet, dice, dice_cross_entropy
from lungfuse.settings.ingest import Fit
from lungfuse.settings.segmentation import SegmenterSettings, UNetSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.segmentation import AnnotatedIndex

MONITOR = "val_loss"
FINGERPRINT, RECORDS = "training.json", "records.json"


@options
class Source:
    """What a segmenter learns from.

    Parameters
    ----------
    sites
        Where the images it learns from are from.
    fit
        How images that are no squares became squares: pad, crop or stretch.
    """

    sites: list[str]
    fit: Fit


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    network
        Output: the network with its best weights, .keras.
    history
        Output: loss, Dice and seconds of each epoch.
    settings
        Output: what was trained.
    """

    network: Path
    history: Path
    settings: Path


def main(
    *,
    name: str,
    source: Source,
    unet: UNetSettings,
    train: SegmenterSettings,
    seed: int,
    annotated: AnnotatedFiles,
    outputs: Outputs,
    threads: int = 1,
) -> None:
    """Train a segmenter.

    A killed training goes on from its last finished epoch and ends with the same weights.

    Parameters
    ----------
    name
        Name of the segmenter.
    source
        What it learns from.
    unet
        Shape of the network.
    train
        Settings of the training.
    seed
        Seed of the weights, batches and augmentation.
    annotated
        Annotated images.
    outputs
        What is written.
    threads
        Processor threads.
    """
    keep_freed_memory()
    seed_and_limit_threads(seed, threads)
    index = read_table(annotated.annotated_index, AnnotatedIndex)
    train_indices, val_indices = (
        rows_of(index, source.sites, part, annotated.annotated_index) for part in ["train", "validation"]
    )
    images, masks = (read_array(path, len(index)) for path in [annotated.annotated_images, annotated.annotated_masks])

    made_by = {"segmenter": name, **vars(source), "image_size": images.shape[1], "seed": seed}
    made_by |= {"unet": unet.model_dump(), "train": train.model_dump()}
    inputs = [annotated.annotated_images, annotated.annotated_masks, annotated.annotated_index]
    fingerprint = json.dumps(made_by | {"code": digest(__name__)} | {str(path): sha256(path) for path in inputs})

    model = build_unet(images.shape[1], unet, dtype_of(train.precision))
    model.compile(keras.optimizers.Adam(train.learning_rate), dice_cross_entropy, metrics=[dice])
    checkpoints = Checkpoints(outputs.network.parent, fingerprint)
    stages = [ReduceLROnPlateau(MONITOR, 0.5, train.plateau), EarlyStopping(MONITOR, patience=train.patience)]
    done = checkpoints.restore(model)
    if len(done) < train.epochs and not has_stopped(done, train.patience):
        span = {"first": len(done), "epochs": train.epochs}
        batches = AugmentedBatches(images, masks, train_indices, batch=train.batch_size, seed=seed, **span)
        model.fit(
            batches,
            steps_per_epoch=batches.steps,
            shuffle=False,
            validation_data=AnnotatedBatches(images, masks, val_indices, train.batch_size),
            initial_epoch=len(done),
            epochs=train.epochs,
            callbacks=[*stages, Replay(stages, done), checkpoints],
            verbose=2,
        )
    checkpoints.load_best(model)
    finished = build_unet(images.shape[1], unet)
    finished.set_weights(model.get_weights())
    with atomic_path(outputs.network) as path:
        finished.save(path)
    write_history(pd.DataFrame(checkpoints.records).rename_axis("epoch").reset_index(), outputs.history)
    with atomic_write(outputs.settings) as stream:
        json.dump(made_by, stream, indent=2)
    checkpoints.remove()


def rows_of(index: pd.DataFrame, sites: list[str], part: str, source: Path) -> np.ndarray:
    """The rows of one part of the images of some sites.

    Raises:
        UserError: there are none of a site.
    """
    for site in sites:
        if not ((index["site"] == site) & (index["part"] == part)).any():
            raise UserError(
                f"{source}: no {part} image from {site}; found {', '.join(sorted(index['site'].unique()))}. "
                "Correct segmentation.segmenters, or add images."
            )
    return index["row"][index["site"].isin(sites) & (index["part"] == part)].to_numpy()


def has_stopped(records: list[dict], patience: int) -> bool:
    """Whether the training had stopped early."""
    losses = [record[MONITOR] for record in records]
    return bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= patience


def is_whole(weights: Path) -> bool:
    """Whether a file of weights has not been cut off."""
    try:
        h5py.File(weights).close()
    except OSError:
        return False
    return True


class Replay(Callback):
    """Shows callbacks the epochs before a training was killed, so that they decide as if it had not been.

    The learning rate is that of the checkpoint, whatever they would make of it.
    """

    def __init__(self, callbacks: list[Callback], records: list[dict]):
        super().__init__()
        self.callbacks, self.records = callbacks, records

    def on_train_begin(self, logs: dict | None = None) -> None:
        rate = self.model.optimizer.learning_rate.numpy()
        for epoch, record in enumerate(self.records):
            for callback in self.callbacks:
                callback.on_epoch_end(epoch, dict(record))
        self.model.optimizer.learning_rate = rate


class Checkpoints(Callback):
    """Weights with the optimiser's state after each epoch, of the best epoch and of the last one, in `folder`.

    `records` has one entry an epoch. The file of records is written last and names what counts, so that a kill between
    two files loses one epoch at most. Checkpoints of another `identity`, or damaged ones, do not count.
    """

    def __init__(self, folder: Path, fingerprint: str):
        super().__init__()
        self.folder, self.records = folder, []
        folder.mkdir(parents=True, exist_ok=True)
        record = folder / FINGERPRINT
        if not record.exists() or record.read_text(encoding="utf-8") != fingerprint:
            self.remove()
            with atomic_write(record) as stream:
                stream.write(fingerprint)

    def restore(self, model: keras.Model) -> list[dict]:
        """Put a model where a killed training left off; returns its records."""
        path = self.folder / RECORDS
        if path.exists():
            self.records = json.loads(path.read_text(encoding="utf-8"))
            for weights in {self._weights(len(self.records) - 1), self._weights(self._best())}:
                if not is_whole(weights):
                    print(f"{weights}: is damaged, so the training starts anew.", file=sys.stderr)
                    path.unlink()
                    self.records = []
                    return []
            model.optimizer.build(model.trainable_variables)
            model.load_weights(self._weights(len(self.records) - 1))
        return list(self.records)

    def load_best(self, model: keras.Model) -> None:
        model.load_weights(self._weights(self._best()))

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        seconds = time.perf_counter() - self.start
        self.records.append({name: float(value) for name, value in logs.items()} | {"seconds": seconds})
        with atomic_path(self._weights(epoch)) as path:
            self.model.save_weights(path)
        with atomic_write(self.folder / RECORDS) as stream:
            json.dump(self.records, stream)
        kept = {self._weights(epoch), self._weights(self._best())}
        for path in set(self.folder.glob("epoch*.weights.h5")) - kept:
            path.unlink()

    def remove(self) -> None:
        """Remove the checkpoints."""
        for path in [*self.folder.glob("epoch*.weights.h5"), self.folder / RECORDS, self.folder / FINGERPRINT]:
            path.unlink(missing_ok=True)

    def _best(self) -> int:
        return int(np.argmin([record[MONITOR] for record in self.records]))

    def _weights(self, epoch: int) -> Path:
        return self.folder / f"epoch{epoch:04d}.weights.h5"

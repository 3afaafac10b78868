"""The convolutional networks of the rebuilt thesis, from keras.applications, on one variant of the images."""

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers

from lungfuse.files import atomic_write, read_array
from lungfuse.modalities.image.variants import VariantImages, image_rows, variant_images
from lungfuse.parameters import options
from lungfuse.settings.base import Images
from lungfuse.settings.cnns import CNNSettings, NetworkName
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import ImageIndex, Pairs
from lungfuse.tables.training import EpochPredictions
from lungfuse.train.cnn_weights import build_network, preprocess
from lungfuse.train.keras_engine import dtype_of, seed_and_limit_threads, write_history


@options
class Files:
    """What is read.

    Parameters
    ----------
    pairs
        Table of pairs with folds.
    array
        The image array.
    index
        Index of the image array.
    masks
        Masks of the image array; needed for a variant other than raw.
    start
        Weights that the network starts from.
    """

    pairs: Path
    array: Path
    index: Path
    masks: Path | None = None
    start: Path


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    history
        Output: loss and accuracy of each epoch, fold by fold.
    epoch_predictions
        Output: out-of-fold scores after each epoch.
    settings
        Output: what was trained.
    """

    history: Path
    epoch_predictions: Path
    settings: Path


def main(
    *,
    network: NetworkName,
    variant: Images,
    cnns: CNNSettings,
    seed: int,
    files: Files,
    outputs: Outputs,
    threads: int = 1,
) -> None:
    """Train a network on the other folds of each fold, and score that fold after each epoch.

    The number of epochs is fixed: nothing is chosen by the test fold. The weights are not kept, and a killed training
    starts anew.

    Parameters
    ----------
    network
        Name of the network.
    variant
        The variant of the images: raw, segmented:<segmenter> or mask-only:<segmenter>.
    cnns
        Settings of the networks.
    seed
        Seed of the head's weights and of the batches.
    files
        What is read.
    outputs
        What is written.
    threads
        Processor threads.
    """
    seed_and_limit_threads(seed, threads)
    table = read_table(files.pairs, Pairs)
    rows, labels = image_rows(table, read_table(files.index, ImageIndex)), table["label"].to_numpy()
    pixels, lungs = (path and read_array(path, rows.max() + 1) for path in [files.array, files.masks])
    images = variant_images(variant, pixels, lungs)

    keras.config.set_dtype_policy(dtype_of(cnns.precision))
    model = build_classifier(network, pixels.shape[1], files.start)
    model.compile(keras.optimizers.Adam(cnns.learning_rate), "binary_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    untrained = [variable.numpy() for variable in _state(model)]
    records, scored = [], []
    for fold in sorted(table["fold"][cnns.tests(table["fold"])].unique()):
        # To trace a network takes longer than to train it on few images, so one serves all folds.
        for variable, value in zip(_state(model), untrained, strict=True):
            variable.assign(value)
        tested = (table["fold"] == fold).to_numpy()
        scores = TestScores(ImageBatches(images, rows[tested], labels[tested], 2 * cnns.batch_size))
        # An epoch is a new random order of the other folds; all are laid out before, so that the seed decides them.
        rng = np.random.default_rng([seed, fold])
        order = np.concatenate([rng.permutation(np.flatnonzero(~tested)) for _ in range(cnns.epochs)])
        learned = ImageBatches(images, rows[order], labels[order], cnns.batch_size)
        span = {"epochs": cnns.epochs, "steps_per_epoch": len(learned) // cnns.epochs}
        record = model.fit(learned, **span, shuffle=False, callbacks=[scores], verbose=2)
        records.append(pd.DataFrame({"fold": fold, "epoch": record.epoch} | record.history))
        known = table.loc[tested, ["pair_id", "label"]]
        scored += [known.assign(epoch=epoch, score=score.round(6)) for epoch, score in enumerate(scores.epochs)]
    write_table(pd.concat(scored), outputs.epoch_predictions, EpochPredictions)
    write_history(pd.concat(records), outputs.history)
    made_by = {"network": network, "images": variant, "seed": seed, "cnns": cnns.model_dump()}
    with atomic_write(outputs.settings) as stream:
        json.dump(made_by, stream, indent=2)


def _state(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def build_classifier(network: NetworkName, image_size: int, start: Path) -> keras.Model:
    """Grey images (B, image_size, image_size, 1) in [0, 255] to the probability of class 1, (B, 1)."""
    image = keras.Input((image_size, image_size, 1), name="image")
    colour = layers.Concatenate()([image, image, image])
    body = build_network(network, image_size)
    body.load_weights(start)
    features = layers.GlobalAveragePooling2D()(body(preprocess(network, colour)))
    return keras.Model(image, layers.Dense(1, activation="sigmoid", dtype="float32")(features), name=network)


class ImageBatches(keras.utils.PyDataset):
    """Batches of images (B, y, x, 1) in [0, 255] with labels (B, 1)."""

    def __init__(self, images: np.ndarray | VariantImages, rows: np.ndarray, labels: np.ndarray, batch: int):
        super().__init__()
        self.images, self.rows, self.labels, self.batch = images, rows, labels, batch

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = slice(number * self.batch, (number + 1) * self.batch)
        return self.images[self.rows[chosen]][..., None].astype(np.float32), self.labels[chosen, None]


class TestScores(keras.callbacks.Callback):
    """The scores of the test pairs after each epoch, in `epochs`."""

    def __init__(self, tested: ImageBatches):
        super().__init__()
        self.tested, self.epochs = tested, []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.epochs.append(self.model.predict(self.tested, verbose=0)[:, 0].astype(float))

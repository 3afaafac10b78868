"""Train a row of the comparison table on the training folds of one fold, and predict that fold."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from lungfuse.dependencies import digest
from lungfuse.encoders import CONFIG, encoder_spec
from lungfuse.encoders.network import Encoder, load_encoder, load_into
from lungfuse.files import atomic_write, sha256
from lungfuse.ingest.parts import fold_indices
from lungfuse.modalities import inputs_module, load_inputs
from lungfuse.modalities.data_files import DataFiles
from lungfuse.models import build_model, module_of
from lungfuse.parameters import FromJSON, Question, Several, options
from lungfuse.paths.names import FEATURE_TOKENS
from lungfuse.settings.base import ClassWeights, Settings
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.rows import Row
from lungfuse.settings.training import EncoderSettings, FusionSettings, TrainSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import Pairs, Validation
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import Task, load_task, task_module
from lungfuse.train.classifier import Classifier
from lungfuse.train.data import PairDataset, sources_of
from lungfuse.train.engine import (
    fit,
    peak_memory_mb,
    predict,
    remove_checkpoints,
    seed_and_limit_threads,
    write_trained,
)
from lungfuse.train.features import trained_encoder
from lungfuse.train.masks import masks_made_by

REPEAT = 1000  # between the seeds of one repeat and the next; there are fewer folds


@options
class Run:
    """Which training of the row.

    Parameters
    ----------
    fold
        The fold that is predicted and never trained on.
    repeat
        Which training of this fold: each has other weights, batches and dropout to start with.
    seed
        Seed of the weights, batches and dropout.
    """

    fold: int
    repeat: int = 0
    seed: int


@options
class Recipe:
    """What is trained and how.

    Parameters
    ----------
    encoders
        Names of the encoders.
    fusion
        Shape of the model.
    train
        Settings of the training.
    images
        How the images of the array were fitted; kept for prediction.
    class_weights
        Whether all classes, or both classes of a label, count the same in the loss.
    redact_terms
        Beginnings of words whose sentences the text that the row reads lacks; kept for prediction.
    """

    encoders: EncoderSettings
    fusion: FusionSettings
    train: TrainSettings
    images: ImageSettings
    class_weights: ClassWeights
    redact_terms: Several[str] = ()


@options
class Files:
    """What is read.

    Parameters
    ----------
    pairs
        Table of pairs with folds.
    validation
        The pairs that the epoch is chosen and the score calibrated on.
    array
        The image array; needed for images, unless the encoders are frozen.
    index
        Index of the image array; needed for images, unless the encoders are frozen.
    masks
        Masks of the image array; needed for variants other than raw, unless the encoders are frozen.
    mask_settings
        How the masks were made; kept for prediction.
    encoder_root
        Folder with a folder for each encoder.
    structured
        Structured columns of the pairs; needed for rows that read some.
    columns
        Kinds of the structured columns.
    starts
        Weights of trained unimodal rows of the same fold and repeat, from whose encoders this training starts, or whose
        frozen encoders made the features.
    features
        Folders with the tokens of frozen encoders, by modality; needed where encoders are frozen.
    """

    pairs: Path
    validation: Path
    array: Path | None = None
    index: Path | None = None
    masks: Path | None = None
    mask_settings: Path | None = None
    encoder_root: Path
    structured: Path | None = None
    columns: Path | None = None
    starts: Several[Path] = ()
    features: dict[str, Path] | None = None


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    weights
        Output: the best weights, safetensors.
    history
        Output: loss, scores and seconds of each epoch.
    fold_predictions
        Output: scores of the test fold and of the validation pairs.
    settings
        Output: what was trained, how its score is calibrated, and what it took.
    """

    weights: Path
    history: Path
    fold_predictions: Path
    settings: Path


def main(
    *,
    row: FromJSON[Row],
    run: Run,
    recipe: Recipe,
    question: Question,
    files: Files,
    outputs: Outputs,
    threads: int = 1,
) -> None:
    """Train a row of the comparison table for one fold.

    A killed training goes on from its last finished epoch and ends with the same weights.

    Parameters
    ----------
    row
        The row of the comparison table: model and inputs.
    run
        Which training of the row.
    recipe
        What is trained and how.
    question
        What the study asks of a pair.
    files
        What is read.
    outputs
        What is written.
    threads
        Processor threads.
    """
    own_seed = run.seed + run.fold + REPEAT * run.repeat
    seed_and_limit_threads(recipe.train.devices, threads, own_seed)
    task, table = load_task(question.task, question.labels), read_table(files.pairs, Pairs)
    train_indices, val_indices, test_indices = fold_indices(table, read_table(files.validation, Validation), run.fold)
    image_files, columns = (files.array, files.index, files.masks), (files.structured, files.columns)
    data_files = DataFiles(table, recipe.encoders, files.encoder_root, *image_files, *columns)
    targets = task.targets(table)
    dataset = PairDataset(targets, sources_of(row, data_files, files.features or {}, train_indices, run.seed))
    frozen = recipe.train.layers == "frozen"
    loaded = {} if frozen else load_encoders(row, recipe.encoders, files.encoder_root, files.starts)
    fitted = {name: source.fitted for name, source in dataset.sources.items() if source.fitted}
    tokenizers, model = build(row, fitted, task, recipe.encoders, recipe.fusion)
    weights_of = task.weights(targets[train_indices]) if recipe.class_weights == "balanced" else np.ones(task.outputs)
    counts = torch.tensor(weights_of, dtype=torch.float32)
    module = Classifier(loaded, tokenizers, model, task, recipe.train, counts, own_seed)

    folder = outputs.weights.parent
    folder.mkdir(parents=True, exist_ok=True)
    made_by = {"row": row, **vars(question), **vars(run), **vars(recipe)}
    made_by |= {"folds": table["fold"].nunique(), "fitted": fitted}  # without all folds the row does not predict
    made_by |= {"starts": [os.path.relpath(start, folder) for start in files.starts]}
    made_by |= {"masks": files.mask_settings and masks_made_by(files.mask_settings, folder)}
    parts = [module_of(row.model), task_module(question.task), *map(inputs_module, row.modalities)]
    read = [files.pairs, files.validation, *read_by(data_files, loaded, files.features or {}, files.starts)]
    contents = {str(path): sha256(path) for path in read}
    fingerprint = json.dumps(made_by | {"code": digest(__name__, *parts)} | contents, default=dump)
    record = fit(module, dataset, train_indices, val_indices, folder, own_seed, fingerprint)
    scores = [
        scored_pairs(task, table.iloc[scored], predict(module, dataset, scored).round(6)).assign(part=part)
        for part, scored in [("validation", val_indices), ("test", test_indices)]
    ]
    write_table(pd.concat(scores).assign(fold=run.fold, repeat=run.repeat), outputs.fold_predictions, FoldPredictions)
    calibration = task.calibrate(task.of("score", scores[0]), task.targets(scores[0]))
    write_trained(module, record, outputs.weights, outputs.history)
    made_by |= {"calibration": calibration.model_dump()}
    took = {"seconds_per_epoch": float(record["seconds"].mean()), "peak_memory_mb": peak_memory_mb()}
    with atomic_write(outputs.settings) as stream:
        json.dump(made_by | took, stream, indent=2, default=dump)
    remove_checkpoints(folder)


def build(
    row: FromJSON[Row], fitted: dict[str, list[dict]], task: Task, encoders: EncoderSettings, fusion: FusionSettings
) -> tuple[dict[str, nn.Module], nn.Module]:
    """The tokenizers that a row learns, by modality, and its model, with random weights.

    `fitted` is what was measured on the pairs to learn from, of the modalities without an encoder.
    """
    tokenizers = {name: load_inputs(name).tokenizer(found, fusion.width) for name, found in fitted.items()}
    named = encoders.of(row.inputs)
    widths = {name: encoder_spec(named[name]).width if name in named else fusion.width for name in row.modalities}
    return tokenizers, build_model(row.model, widths, task.outputs, fusion, row.settings)


def read_by(
    data_files: DataFiles, loaded: dict[str, nn.Module], features: dict[str, Path], starts: Iterable[Path]
) -> list[Path]:
    """The files that a training reads besides the pairs; of encoders their settings, which have the weights' sha256."""
    found = [data_files.array, data_files.index, data_files.masks, data_files.structured, data_files.columns]
    found += [folder / FEATURE_TOKENS for folder in features.values()]
    if loaded:
        found += [data_files.encoder_root / name / CONFIG for name in data_files.encoders.of(loaded).values()]
        found += starts
    return [path for path in found if path]


def scored_pairs(task: Task, pairs: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """Pairs with their labels and scores, a part of `FoldPredictions`; scores are (pair, score column)."""
    scored = pd.DataFrame(scores, pairs.index, task.columns("score"))
    return pairs[["pair_id", *task.columns("label")]].join(scored)


def dump(settings: Settings) -> dict:
    """Settings as JSON takes them."""
    return settings.model_dump()


def load_encoders(row: Row, encoders: EncoderSettings, encoder_root: Path, starts: list[Path]) -> dict[str, Encoder]:
    """The encoders of a row by modality; those that `starts`, weights of unimodal rows, hold are taken from there."""
    loaded = {}
    for modality, name in encoders.of(row.inputs).items():
        loaded[modality] = load_encoder(name, encoder_root / name)
        for start in starts:
            if trained := trained_encoder(start, modality):
                load_into(loaded[modality], trained, start)
    return loaded

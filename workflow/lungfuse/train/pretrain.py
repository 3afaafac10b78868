"""Train an image encoder on the headings of reports of other patients, for models of the study to start from."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lungfuse.dependencies import digest
from lungfuse.encoders import CONFIG, encoder_module
from lungfuse.encoders.network import load_encoder
from lungfuse.files import atomic_write, sha256, slug
from lungfuse.ingest.pretraining_cases import headings_of, pretraining_cases, reports_with_labels
from lungfuse.modalities import inputs_module, load_inputs
from lungfuse.modalities.data_files import DataFiles
from lungfuse.models import load_model, module_of
from lungfuse.parameters import options
from lungfuse.settings.base import Settings
from lungfuse.settings.ingest import LabelRule
from lungfuse.settings.training import TrainSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import ImageIndex, Pairs, Reports, Views
from lungfuse.tasks import load_task, task_module
from lungfuse.train.classifier import Classifier
from lungfuse.train.data import PairDataset
from lungfuse.train.engine import fit, remove_checkpoints, seed_and_limit_threads, write_trained
from lungfuse.tuning import tuning

ARCHITECTURE, TASK = "image", "multilabel"
VALIDATION = 0.1  # share of the other patients' reports that chooses the epoch


@options
class Recipe:
    """What is trained and how.

    Parameters
    ----------
    encoder
        Name of the encoder that is trained.
    fusion
        Shape of the network.
    train
        Settings of the training.
    min_reports
        Reports with a heading, for it to be one that is learned.
    label_rules
        How headings give the labels of the study.
    leave_out_labels
        Whether these headings are not learned.
    seed
        Seed of the weights, batches and dropout, and of the reports that choose the epoch.
    """

    encoder: str
    fusion: dict[str, float]
    train: TrainSettings
    min_reports: int
    label_rules: list[LabelRule]
    leave_out_labels: bool
    seed: int


@options
class Files:
    """What is read.

    Parameters
    ----------
    reports
        Reports of the whole collection.
    views
        Which image is of which report.
    pairs
        Table of pairs, whose patients and texts are left out.
    array
        The image array.
    index
        Index of the image array.
    encoder_root
        Folder with a folder for each encoder.
    """

    reports: Path
    views: Path
    pairs: Path
    array: Path
    index: Path
    encoder_root: Path


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    weights
        Output: the best weights, safetensors.
    history
        Output: loss, scores and seconds of each epoch.
    settings
        Output: what was learned, from how many images.
    """

    weights: Path
    history: Path
    settings: Path


def main(*, recipe: Recipe, files: Files, outputs: Outputs, threads: int = 1) -> None:
    """Train an image encoder on the images of patients who are in no pair of the study.

    It learns which headings their reports have. Neither an image of a pair's patient nor a text of a pair is behind it,
    so it can serve every fold. A killed training resumes after its last finished epoch and ends with the same weights.

    Parameters
    ----------
    recipe
        What is trained and how.
    files
        What is read.
    outputs
        What is written.
    threads
        Processor threads.
    """
    seed_and_limit_threads(recipe.train.devices, threads, recipe.seed)
    pairs, index = read_table(files.pairs, Pairs), read_table(files.index, ImageIndex)
    cases = pretraining_cases(read_table(files.reports, Reports), read_table(files.views, Views), pairs, index)
    headings = headings_of(cases, recipe.min_reports, recipe.label_rules if recipe.leave_out_labels else [])
    if recipe.leave_out_labels:
        known = headings.notna().any(axis=1)
        cases, headings = (table[known].reset_index(drop=True) for table in [cases, headings])
    task, targets = load_task(TASK, list(headings)), headings.to_numpy()
    train_indices, val_indices = parts(cases["report_id"], recipe.seed)

    data_files = DataFiles(cases, files.array, files.index)
    name = recipe.encoder
    encoder = load_encoder(name, files.encoder_root / slug(name))
    model = load_model(ARCHITECTURE).build({"image": encoder.spec.width}, task.outputs, **recipe.fusion)
    module = Classifier({"image": encoder}, {}, model, task, recipe.train, torch.ones(task.outputs), recipe.seed)

    folder = outputs.weights.parent
    folder.mkdir(parents=True, exist_ok=True)
    modules = [module_of(ARCHITECTURE), task_module(TASK), inputs_module("image"), encoder_module(name)]
    modules.append(tuning(recipe.train.layers).module)
    read = [files.reports, files.views, files.pairs, files.array, files.index, files.encoder_root / slug(name) / CONFIG]
    made_by = {"headings": list(headings), "learned": len(train_indices), "validated": len(val_indices)}
    made_by |= {"labels": reports_with_labels(cases, recipe.label_rules, list(headings))}
    made_by |= vars(recipe)
    contents = {str(path): sha256(path) for path in read}
    fingerprint = json.dumps(made_by | {"code": digest(__name__, *modules)} | contents, default=dump)
    dataset = PairDataset(targets, {"image": load_inputs("image").read(data_files, "raw")})
    record = fit(module, dataset, train_indices, val_indices, folder, recipe.seed, fingerprint)
    write_trained(module, record, outputs.weights, outputs.history)
    with atomic_write(outputs.settings) as stream:
        json.dump(made_by, stream, indent=2, default=dump)
    remove_checkpoints(folder)
    print(f"{len(cases):,} images of {cases['report_id'].nunique():,} reports, {len(headings.columns)} headings")


def parts(reports: pd.Series, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the images to learn from and of those that choose the epoch; those of a report stay together."""
    names = np.random.default_rng(seed).permutation(reports.unique())
    chosen = reports.isin(names[: max(1, round(VALIDATION * len(names)))]).to_numpy()
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def dump(settings: Settings) -> dict:
    """Settings as JSON takes them."""
    return settings.model_dump()

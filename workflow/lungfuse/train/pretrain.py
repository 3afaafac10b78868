"""Train an image encoder on the headings of reports of other patients, for models of the study to start from."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lungfuse.dependencies import digest
from lungfuse.encoders import CONFIG, encoder_modules
from lungfuse.encoders.network import load_encoder
from lungfuse.files import atomic_write, read_array, sha256, slug
from lungfuse.ingest.pretraining_cases import headings_of, pretraining_cases, reports_with_labels
from lungfuse.modalities import inputs_module, load_inputs
from lungfuse.modalities.data_files import DataFiles
from lungfuse.modalities.image.inputs import ImageSource, one_after_the_other
from lungfuse.models import load_model, module_of
from lungfuse.parameters import options
from lungfuse.settings.base import Settings
from lungfuse.settings.ingest import LabelRule
from lungfuse.settings.training import TrainSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import ImageIndex, Pairs, Reports, Views
from lungfuse.tables.training import LabelledCases
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
    other_images
        Labelled images of other collections; needed where the study names some.
    other_cases
        Their labels, which are learned too.
    encoder_root
        Folder with a folder for each encoder.
    """

    reports: Path
    views: Path
    pairs: Path
    array: Path
    index: Path
    other_images: Path | None = None
    other_cases: Path | None = None
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

    It learns which headings their reports have, and the labels of other collections. Neither an image of a pair's
    patient nor a text of a pair is behind it, so it can serve every fold. A killed training resumes after its last
    finished epoch and ends with the same weights.

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
    learned = to_learn(files, recipe)
    task = load_task(TASK, learned.labels)
    train_indices, val_indices = parts(learned.groups, recipe.seed)

    name = recipe.encoder
    encoder = load_encoder(name, files.encoder_root / slug(name))
    model = load_model(ARCHITECTURE).build({"image": encoder.spec.width}, task.outputs, **recipe.fusion)
    module = Classifier({"image": encoder}, {}, model, task, recipe.train, torch.ones(task.outputs), recipe.seed)

    folder = outputs.weights.parent
    folder.mkdir(parents=True, exist_ok=True)
    modules = [module_of(ARCHITECTURE), task_module(TASK), inputs_module("image"), *encoder_modules(name)]
    modules.append(tuning(recipe.train.layers).module)
    read = [files.reports, files.views, files.pairs, files.array, files.index, files.encoder_root / slug(name) / CONFIG]
    read += [path for path in [files.other_images, files.other_cases] if path]
    made_by = {"headings": learned.labels, "learned": len(train_indices), "validated": len(val_indices)}
    made_by |= {"labels": learned.of_study}
    made_by |= vars(recipe)
    contents = {str(path): sha256(path) for path in read}
    fingerprint = json.dumps(made_by | {"code": digest(__name__, *modules)} | contents, default=dump)
    dataset = PairDataset(learned.targets, {"image": learned.source})
    record = fit(module, dataset, train_indices, val_indices, folder, recipe.seed, fingerprint)
    write_trained(module, record, outputs.weights, outputs.history)
    with atomic_write(outputs.settings) as stream:
        json.dump(made_by, stream, indent=2, default=dump)
    remove_checkpoints(folder)
    print(f"{len(learned.groups):,} images in {learned.groups.nunique():,} groups, {len(learned.labels)} labels")


@dataclass(frozen=True)
class ToLearn:
    """Images, their labels, (image, label) with NaN where one is not known, and groups of images, (image,).

    `of_study` is how many reports have each label of the study.
    """

    source: ImageSource
    labels: list[str]
    targets: np.ndarray
    groups: pd.Series
    of_study: dict[str, int]


def to_learn(files: Files, recipe: Recipe) -> ToLearn:
    """The images of patients in no pair with the headings of their reports, and those of other collections.

    What is a label of one collection is not known of the images of another.
    """
    pairs, index = read_table(files.pairs, Pairs), read_table(files.index, ImageIndex)
    cases = pretraining_cases(read_table(files.reports, Reports), read_table(files.views, Views), pairs, index)
    headings = headings_of(cases, recipe.min_reports, recipe.label_rules if recipe.leave_out_labels else [])
    if recipe.leave_out_labels:
        known = headings.notna().any(axis=1)
        cases, headings = (table[known].reset_index(drop=True) for table in [cases, headings])
    of_study = reports_with_labels(cases, recipe.label_rules, list(headings))
    own = load_inputs("image").read(DataFiles(cases, files.array, files.index), "raw")
    if files.other_images is None or files.other_cases is None:
        return ToLearn(own, list(headings), headings.to_numpy(), cases["report_id"], of_study)
    others = read_table(files.other_cases, LabelledCases)
    labels = [name for name in others if name.startswith("label_")]
    rows = others["row"].to_numpy()
    source = ImageSource(read_array(files.other_images, int(rows.max()) + 1), rows)
    known = others[labels].astype(float).rename(columns=lambda name: name.removeprefix("label_"))
    both = pd.concat([headings, known], ignore_index=True)
    groups = pd.concat([cases["report_id"], others["group"]], ignore_index=True)
    return ToLearn(one_after_the_other(own, source), list(both), both.to_numpy(), groups, of_study)


def parts(reports: pd.Series, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the images to learn from and of those that choose the epoch; those of a report stay together."""
    names = np.random.default_rng(seed).permutation(reports.unique())
    chosen = reports.isin(names[: max(1, round(VALIDATION * len(names)))]).to_numpy()
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def dump(settings: Settings) -> dict:
    """Settings as JSON takes them."""
    return settings.model_dump()

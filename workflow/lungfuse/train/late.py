"""Late fusion: the scores of models of one modality each, averaged or stacked."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.models import load_model
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import read_model
from lungfuse.plan.names import FOLD_PREDICTIONS
from lungfuse.plan.runs import run_names
from lungfuse.settings.model import ModelConfig
from lungfuse.statistics.splits import group_folds
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import Task, load_task
from lungfuse.train.ablation import shuffled_within
from lungfuse.train.predictions import calibration_of, with_columns, write_predictions
from lungfuse.train.trained import weights_in, write_trained_settings

SPLITS = 5  # of the validation pairs of a fold, as many as the folds of a study


def main(*, model: Path, n_seeds: int = 1) -> None:
    """Combine the scores of the parts of a model in each fold.

    What the architecture learns, it learns on the validation pairs of the fold. Their own scores are by weights learned
    on the others of them, so that models are chosen by, and calibrated on, scores as good as those of the test pairs.

    Parameters
    ----------
    model
        The file of the model, which the workflow writes.
    n_seeds
        How often its parts were trained, each time with a new seed and new folds.
    """
    config = read_model(model)
    layout, task = Layout(config.study), load_task(config.task, config.labels)
    table, settings = read_table(layout.split["pairs"], Pairs), layout.late_settings(config.name)
    fused, folds, used = [], [], []
    for run in run_names(config.folds, n_seeds):
        folders = {role: layout.fold_folder(part, run) for role, part in config.parts.items()}
        scored, combined = combine(config, list(folders.values()), table, task)
        fused.append(scored)
        places = {role: os.path.relpath(folder, settings.parent) for role, folder in folders.items()}
        folds.append({"parts": places} | combined)
        used += map(weights_in, folders.values())
    outputs = layout.predictions(config.name)
    write_predictions(table, fused, task, outputs["predictions"], outputs["validated"])
    write_trained_settings(config, {"folds": folds}, used, settings)


def combine(
    config: ModelConfig, folders: list[Path], table: pd.DataFrame, task: Task
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The fused scores of a fold as `FoldPredictions`, with what was learned and how they are calibrated.

    An ablation gives each pair the score that a part gave another one, of the same part of the fold.
    """
    architecture = load_model(config.architecture)
    rows, scores = read_parts(tuple(folder / FOLD_PREDICTIONS for folder in folders), task)
    if config.ablation:
        place = list(config.parts).index(config.changed)
        scores[place] = scores[place][shuffled_within(rows["part"].to_numpy(str), config.seed)]
    known = (rows["part"] == "validation").to_numpy()
    targets = task.targets(rows[known])
    balanced = config.class_weights == "balanced"
    weights = task.pair_weights(targets) if balanced else np.ones(scores.shape[1:])[known]
    fitted = architecture.fit(scores[:, known], targets, task, weights)
    found = architecture.fuse(scores, fitted, task)
    if fitted:
        groups = groups_of(rows.loc[known, "pair_id"], table, Layout(config.study).split["pairs"])
        check_groups(groups, config, rows["fold"].iloc[0])
        found[known] = cross_fitted(architecture, scores[:, known], targets, task, weights, groups)
    scored = with_columns(rows, "score", found, task)
    return scored, {"fitted": fitted, "calibration": calibration_of(scored, task)}


def groups_of(pair_ids: pd.Series, table: pd.DataFrame, file: Path) -> np.ndarray:
    """The group of each pair, (pair,), by the table of pairs.

    Raises:
        UserError: the table lacks one.
    """
    groups = table.set_index("pair_id")["group"].reindex(pair_ids)
    if groups.isna().any():
        raise UserError(
            f"{file}: lacks {groups.index[groups.isna()][0]}, which the parts have scored. Make the parts again from "
            "these pairs."
        )
    return groups.to_numpy()


def check_groups(groups: np.ndarray, config: ModelConfig, fold: int) -> None:
    """See that what is learned on some validation pairs can be scored on others; `groups` is (pair,).

    Raises:
        UserError: it cannot.
    """
    if len(np.unique(groups)) < 2:
        raise UserError(
            f"{config.name}: found one group of a patient or a text among the {len(groups)} validation pairs of fold "
            f"{fold}, expected two or more: {config.architecture} learns on some of them and is scored on others. "
            "Raise split.validation, lower split.folds, or use the architecture late, which learns nothing."
        )


def cross_fitted(
    model: ModuleType, scores: np.ndarray, targets: np.ndarray, task: Task, weights: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """The fused scores of pairs, (pair, score column), each by what the model learns on pairs of other groups.

    `scores` are (part, pair, score column), `weights` (pair, score column), and `groups` (pair,).
    """
    fused = np.empty(scores.shape[1:])
    fold = group_folds(groups, min(SPLITS, len(np.unique(groups))), 0)
    for number in np.unique(fold):
        learned, left_out = fold != number, fold == number
        fitted = model.fit(scores[:, learned], targets[learned], task, weights[learned])
        fused[left_out] = model.fuse(scores[:, left_out], fitted, task)
    return fused


def read_parts(files: tuple[Path, ...], task: Task) -> tuple[pd.DataFrame, np.ndarray]:
    """The pairs that all parts have scored in a training, as `FoldPredictions` without scores, with the scores.

    Returns the rows in the order of the first part, and scores of shape (part, pair, score column).

    Raises:
        UserError: the parts have scored other pairs, folds, repeats or labels.
    """
    tables = [read_table(file, FoldPredictions).set_index("pair_id") for file in files]
    first = tables[0].drop(columns=task.columns("score"))
    scores = []
    for file, table in zip(files, tables, strict=True):
        found = table.reindex(first.index)
        same = ["repeat", "fold", "part", *task.columns("label")]
        if len(table) != len(first) or not found[same].equals(first[same]):
            raise UserError(
                f"{file}: found other pairs, folds, repeats or labels than in {files[0]}. Make both models again from "
                "the same pairs."
            )
        scores.append(task.of("score", found))
    return first.reset_index(), np.stack(scores)

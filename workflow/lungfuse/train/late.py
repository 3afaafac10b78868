"""Late fusion: the scores of rows of one modality each, averaged or stacked."""

import json
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from lungfuse import registry
from lungfuse.errors import UserError
from lungfuse.files import atomic_write
from lungfuse.models import module_of
from lungfuse.parameters import FromJSON, OutOfFold, Question, Several
from lungfuse.settings.base import ClassWeights
from lungfuse.settings.rows import Row
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import Task, load_task
from lungfuse.train.predictions import calibration_of, with_columns, write_predictions

SPLITS = 5  # of the validation pairs of a fold, as many as the folds of a study


def main(
    *,
    row: FromJSON[Row],
    question: Question,
    class_weights: ClassWeights,
    pairs: Path,
    parts: Several[str],
    fold_predictions: Several[Path],
    outputs: OutOfFold,
    settings: Path,
) -> None:
    """Fuse the scores of the parts of a row in each fold.

    What the model learns, it learns on the validation pairs of the fold. Their own scores are by weights learned on the
    others of them, so that rows are chosen by, and calibrated on, scores as good as those of the test pairs.

    Parameters
    ----------
    row
        The row of the comparison table: model and inputs.
    question
        What the study asks of a pair.
    class_weights
        Whether all classes, or both classes of a label, count the same where weights are fitted.
    pairs
        Table of pairs with folds and groups.
    parts
        The modalities whose rows are fused, in order.
    fold_predictions
        Scores of the parts: of the first one file a fold and repeat, then of the next in the same order. A part that is
        trained once a fold stands there in every repeat.
    outputs
        The scores of the row.
    settings
        Output: of each fold the folders of the parts, what was fitted, and the calibration, for prediction.
    """
    model, asked = registry.imported(module_of(row.model)), load_task(question.task, question.labels)
    table = read_table(pairs, Pairs)
    fused, folds = [], []
    for files in by_training(fold_predictions, parts):
        rows, scores = read_parts(files, asked)
        known = (rows["part"] == "validation").to_numpy()
        targets = asked.targets(rows[known])
        weights = asked.pair_weights(targets) if class_weights == "balanced" else np.ones(scores.shape[1:])[known]
        fitted = model.fit(scores[:, known], targets, asked, weights)
        found = model.fuse(scores, fitted, asked)
        groups = groups_of(rows.loc[known, "pair_id"], table, pairs)
        found[known] = cross_fitted(model, scores[:, known], targets, asked, weights, groups)
        fused.append(with_columns(rows, "score", found, asked))
        folders = {part: os.path.relpath(file.parent, settings.parent) for part, file in zip(parts, files, strict=True)}
        calibration = calibration_of(fused[-1], asked).model_dump()
        folds.append({"parts": folders, "fitted": fitted, "calibration": calibration})
    write_predictions(table, fused, asked, outputs.predictions, outputs.validated)
    with atomic_write(settings) as stream:
        made_by = {"row": row.model_dump(), **vars(question)}
        json.dump(made_by | {"folds": folds}, stream, indent=2)


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


def cross_fitted(
    model: ModuleType, scores: np.ndarray, targets: np.ndarray, task: Task, weights: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """The fused scores of pairs, (pair, score column), each by what the model learns on pairs of other groups.

    `scores` are (part, pair, score column), `weights` (pair, score column), and `groups` (pair,).
    """
    fused = np.empty(scores.shape[1:])
    splits = GroupKFold(min(SPLITS, len(np.unique(groups))), shuffle=True, random_state=0)
    for learned, left_out in splits.split(targets, groups=groups):
        fitted = model.fit(scores[:, learned], targets[learned], task, weights[learned])
        fused[left_out] = model.fuse(scores[:, left_out], fitted, task)
    return fused


def by_training(files: list[Path], parts: list[str]) -> list[tuple[Path, ...]]:
    """The files of all parts, for each training.

    Raises:
        UserError: the parts do not have as many each.
    """
    each, rest = divmod(len(files), len(parts))
    if rest or not each:
        raise UserError(
            f"--fold-predictions: found {len(files)} files for the parts {', '.join(parts)}, expected as many of each."
        )
    return list(zip(*(files[start : start + each] for start in range(0, len(files), each)), strict=True))


def read_parts(files: tuple[Path, ...], task: Task) -> tuple[pd.DataFrame, np.ndarray]:
    """The pairs that all parts have scored in a training, as `FoldPredictions` without scores, with the scores.

    Returns the rows in the order of the first part, and scores of shape (part, pair, score column).

    Raises:
        UserError: the parts have scored other pairs, folds or labels.
    """
    tables = [read_table(file, FoldPredictions).set_index("pair_id") for file in files]
    repeat = max(int(table["repeat"].max()) for table in tables)
    first = tables[0].drop(columns=task.columns("score")).assign(repeat=repeat)
    scores = []
    for file, table in zip(files, tables, strict=True):
        found = table.reindex(first.index)
        same = ["fold", "part", *task.columns("label")]
        if len(table) != len(first) or not found[same].equals(first[same]):
            raise UserError(
                f"{file}: found other pairs, folds or labels than in {files[0]}. Make both rows again from the same "
                "pairs, and name the files of the parts in the same order."
            )
        scores.append(task.of("score", found))
    return first.reset_index(), np.stack(scores)

"""The primary metric of models within folds, for each training, and on the validation pairs that choose among them."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from lungfuse.measures import OneAgainstRest
from lungfuse.statistics.within_folds import (
    WithinFolds,
    auroc_within_folds,
    concordance_within_folds,
    explained_within_folds,
    mean_within_folds,
    picked_by_fold,
    stacked,
)
from lungfuse.tasks import Kind, Task

OF_NUMBERS = {"concordance": concordance_within_folds, "r2": explained_within_folds}
Questions = Callable[[np.ndarray, np.ndarray, np.ndarray], list[OneAgainstRest]]


def by_fold(
    task: Task,
    joined: pd.DataFrame,
    metric: str | None = None,
    used: np.ndarray | None = None,
    decided_by: Kind = "probability",
) -> list[WithinFolds]:
    """A metric of each training, from `join_predictions`: the primary one of the task where none is named.

    AUROC is of the scores, as concordance and R2 of numbers are; accuracy and balanced accuracy are of decisions.

    `used` are the pairs that count, bool of (pair,); all where it is not given. Decisions are by the calibrated
    probability, or by the raw `score`. Labels are those of the task, or for a balanced accuracy the classes of each.
    """
    asked = metric or task.primary
    return [_of_training(task, training, asked, used, decided_by) for _, training in joined.groupby("repeat")]


def _of_training(
    task: Task, frame: pd.DataFrame, metric: str, used: np.ndarray | None = None, decided_by: Kind = "probability"
) -> WithinFolds:
    fold = frame["fold"].to_numpy()
    folds = int(fold.max()) + 1
    targets = task.targets(frame)
    if used is not None:
        targets = np.where(used[:, None], targets, np.nan)
    if metric in OF_NUMBERS:
        scored = task.of("score", frame)
        predicted = scored if metric == "concordance" else task.decide(scored)
        return OF_NUMBERS[metric](targets[:, 0], predicted[:, 0], fold, folds)
    scores = task.of("score" if metric == "auroc" else decided_by, frame)
    if metric == "auroc":
        columns = one_against_rest(task, targets, scores, task.rankings)
        return stacked([auroc_within_folds(label, score, fold, folds) for label, score, _ in columns])
    columns = one_against_rest(task, targets, scores)
    right = [np.where(np.isnan(label), np.nan, label == decided) for label, _, decided in columns]
    if metric == "accuracy":
        excluding = task.excludes  # a pair is right or wrong as a whole where classes exclude each other
        right = [np.where(np.isnan(right[0]), np.nan, np.min(right, axis=0))] if excluding else right
        return stacked([mean_within_folds(each, fold, folds) for each in right])
    classes = [1] if task.excludes else [0, 1]
    recalls = [
        np.where(label == value, each, np.nan)
        for (label, *_), each in zip(columns, right, strict=True)
        for value in classes
    ]
    return stacked([mean_within_folds(each, fold, folds) for each in recalls])


def groups_of(joined: pd.DataFrame) -> np.ndarray:
    """The group of each pair, (pair,), from `join_predictions`."""
    return joined["group"].to_numpy()[: len(joined) // joined["repeat"].nunique()]


def one_against_rest(
    task: Task, targets: np.ndarray, scores: np.ndarray, questions: Questions | None = None
) -> list[tuple[np.ndarray, ...]]:
    """Label, score and decision of each label by itself, (pair,) each; the label is NaN where it is not known.

    `questions` is a method of the task, `one_against_rest` where it is not said.
    """
    known, asked = ~np.isnan(targets).all(axis=1), questions or task.one_against_rest
    found = []
    for each in asked(targets[known], scores[known], task.decide(scores[known])):
        columns = []
        for values in (each.label, each.score, each.prediction):
            column = np.full(len(targets), np.nan)
            column[np.flatnonzero(known)[each.known]] = values
            columns.append(column)
        found.append(tuple(columns))
    return found


def validated_by_fold(task: Task, validated: pd.DataFrame, folds: int) -> np.ndarray:
    """The primary metric of each label on the validation pairs of each training, (repeat, label, fold).

    `validated` is the table `ValidationPredictions`. NaN where a label has not both classes.
    """
    of_fold = {
        training: _of_training(task, pairs.assign(fold=0), task.primary).by_label
        for training, pairs in validated.groupby(["repeat", "fold"])
    }
    found = np.full((validated["repeat"].max() + 1, len(next(iter(of_fold.values()))), folds), np.nan)
    for (repeat, fold), by_label in of_fold.items():
        found[repeat, :, fold] = by_label
    return found


def mean_of_labels(validated: np.ndarray) -> np.ndarray:
    """The mean over the labels where they are defined, (repeat, label, fold) to (repeat, fold); NaN without any."""
    known = np.isfinite(validated)
    total, count = np.nansum(validated, axis=1), known.sum(axis=1)
    return np.divide(total, count, where=count > 0, out=np.full(total.shape, np.nan))


def chosen(
    models: Sequence[Sequence[WithinFolds]], validated: Sequence[np.ndarray]
) -> tuple[list[WithinFolds], np.ndarray]:
    """Of models that read the same inputs the best on the validation pairs of each fold, and which one that is.

    The pairs that choose in a fold are tested in none of its models; chosen for all folds at once, a pair that is
    tested in one fold would choose in another. `models` are (model, training), `validated` is (training, fold) of each.
    Returns the trainings put together, and the position of the model, (training, fold).
    """
    trainings = min(map(len, models))
    best = np.stack([np.nan_to_num(each[:trainings], nan=-1.0) for each in validated]).argmax(axis=0)
    return put_together(models, best), best


def put_together(models: Sequence[Sequence[WithinFolds]], best: np.ndarray) -> list[WithinFolds]:
    """The trainings of a model that is another one in each fold: that at the position `best`, (training, fold)."""
    return [picked_by_fold([model[n] for model in models], picked) for n, picked in enumerate(best)]

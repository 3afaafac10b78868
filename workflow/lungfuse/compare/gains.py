"""What models gain over others in a threshold-free score: the AUROC within folds, over classes or labels its mean."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lungfuse.compare.scores import groups_of
from lungfuse.statistics.gains import Gain, gain
from lungfuse.statistics.within_folds import WithinFolds, auroc_within_folds
from lungfuse.tasks import Task


def scored_within_folds(task: Task, joined: pd.DataFrame) -> list[WithinFolds]:
    """The AUROC within folds of each training, from `join_predictions`; see `mean_of_labels`."""
    return [_of_training(task, training) for _, training in joined.groupby("repeat")]


def _of_training(task: Task, frame: pd.DataFrame) -> WithinFolds:
    fold = frame["fold"].to_numpy()
    scores, predictions = task.of("score", frame), task.of("prediction", frame)
    found = []
    for label in task.one_against_rest(task.targets(frame), scores, predictions):
        of_known = auroc_within_folds(label.label, label.score, fold[label.known], int(fold.max()) + 1)
        influence = np.zeros(len(fold))
        influence[label.known] = of_known.influence
        found.append(WithinFolds(fold, of_known.of_fold, of_known.weight, influence))
    return mean_of_labels(found)


def mean_of_labels(labels: Sequence[WithinFolds]) -> WithinFolds:
    """The mean over labels, each of which counts the same; one that no fold has both classes of is left out."""
    known = [label for label in labels if label.weight.any()]
    of_fold = np.nanmean([label.of_fold for label in known], axis=0)
    weight = np.mean([label.weight for label in known], axis=0)
    return WithinFolds(known[0].fold, of_fold, weight, np.mean([label.influence for label in known], axis=0))


def chosen_by_fold(models: Sequence[WithinFolds], validated: np.ndarray) -> WithinFolds:
    """One training put together from several models: in each fold the one that is best on its validation pairs.

    `validated` is the score of each model on the validation pairs of each fold, (model, fold). The pairs of a fold that
    choose in it are tested in none of its models.
    """
    best, fold = np.argmax(np.nan_to_num(validated, nan=-1.0), axis=0), models[0].fold
    of_fold, weight = (
        np.array([getattr(models[n], name)[number] for number, n in enumerate(best)]) for name in ["of_fold", "weight"]
    )
    influence = np.choose(best[fold], [model.influence for model in models]) if len(models) < 32 else _picked(
        np.stack([model.influence for model in models]), best[fold]
    )
    return WithinFolds(fold, of_fold, weight, influence)


def _picked(values: np.ndarray, of_pair: np.ndarray) -> np.ndarray:
    return values[of_pair, np.arange(values.shape[1])]


def gain_of(task: Task, a: pd.DataFrame, b: pd.DataFrame) -> Gain:
    """What a model gains over another, both from `join_predictions`."""
    groups = np.unique(groups_of(a), return_inverse=True)[1]
    return gain(scored_within_folds(task, a), scored_within_folds(task, b), groups)

"""Scores of out-of-fold predictions, with intervals that know of groups and trainings.

Rows of one group (a patient, or reports that say the same) are not independent. The AUROC is that within folds, with
the standard error of `lungfuse.statistics.gains`; of other metrics groups are resampled, not rows. A model that was
trained several times is scored each time; a score is the mean of them, and they are resampled too.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import t

from lungfuse.compare.by_fold import by_fold, groups_of
from lungfuse.errors import UserError
from lungfuse.ingest.parts import in_repeat
from lungfuse.statistics.bootstrap import bootstrap_counts, interval_of, mean_of_drawn
from lungfuse.statistics.gains import degrees_of_freedom, gain
from lungfuse.tasks import Task


def score_with_intervals(
    task: Task, joined: pd.DataFrame, confidence: float, resamples: int, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Each metric with the limits of its interval: of the primary one by `primary_with_limits`, of others by bootstrap.

    `joined` has the labels, scores and predictions of the task, and the columns fold, group and repeat, see
    `join_predictions`. Returns metric: (value, low, high); what is not defined is NaN, as are the limits of one group.
    """
    by_training = measured(task, joined)
    names, repeats = joined["group"].nunique(), joined["repeat"].nunique()

    def statistic(groups: np.ndarray, *drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        return mean_of_drawn(by_training(bootstrap_counts(groups, names)), *drawn)

    values = by_training(np.ones((1, names)))[..., 0].mean(axis=0)
    within = {task.primary: primary_with_limits(task, joined, confidence)}
    if names < 2:
        return {
            metric: (float(value), np.nan, np.nan) for metric, value in zip(task.measured, values, strict=True)
        } | within
    interval = interval_of(statistic, [names, repeats], len(joined), confidence, resamples, seed)
    limits = zip(task.measured, values, interval.low, interval.high, strict=True)
    return {metric: (float(value), float(low), float(high)) for metric, value, low, high in limits} | within


def primary_with_limits(task: Task, joined: pd.DataFrame, confidence: float) -> tuple[float, float, float]:
    """The primary metric within folds, the mean of labels and trainings, with limits symmetric in its log odds."""
    trainings, groups = by_fold(task, joined), np.unique(groups_of(joined), return_inverse=True)[1]
    known = [training for training in trainings if np.isfinite(training.value)]
    if not known:
        return (float("nan"),) * 3
    above = gain(known, [training.at(0) for training in known], groups)
    if len(np.unique(groups)) < 2:
        return above.value, float("nan"), float("nan")
    if not 0 < above.value < 1:
        return (above.value,) * 3
    reach = t.ppf((1 + confidence) / 2, degrees_of_freedom(groups)) * above.error / (above.value * (1 - above.value))
    low, high = expit(logit(above.value) + np.array([-reach, reach]))
    return above.value, float(low), float(high)


def as_columns(scores: dict[str, tuple[float, float, float]], metrics: list[str]) -> dict[str, float]:
    """Some metrics with their limits as columns of a table, rounded; what there is no score of is NaN."""
    nothing = (float("nan"),) * 3
    return {
        name: round(value, 4)
        for metric in metrics
        for name, value in zip([metric, f"{metric}_low", f"{metric}_high"], scores.get(metric, nothing), strict=True)
    }


def measured(task: Task, joined: pd.DataFrame) -> Callable[[np.ndarray], np.ndarray]:
    """The metrics of each training as a function of how often each group counts.

    (resample, group) to (training, metric, resample), with the groups sorted.
    """
    group_of_row = np.unique(joined["group"], return_inverse=True)[1]
    repeats = joined["repeat"].to_numpy()
    arrays = [task.targets(joined), task.of("score", joined), task.of("prediction", joined)]
    trainings = [np.flatnonzero(repeats == repeat) for repeat in np.unique(repeats)]

    def by_training(times: np.ndarray) -> np.ndarray:
        return np.stack(
            [task.measures(*(array[of] for array in arrays), times[:, group_of_row[of]]) for of in trainings]
        )

    return by_training


def join_predictions(
    task: Task, pairs: pd.DataFrame, predictions: pd.DataFrame, source: Path, folds: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The predictions with the group of each pair, in the order of `pairs`, one repeat after the other.

    `fold` is that of the repeat, by the table `Folds`; without it all repeats have the folds of the pairs.

    Raises:
        UserError: a pair is missing or unknown, or its fold or label differs: the predictions are of another split.
    """
    keys = ["pair_id", "fold", *task.columns("label")]
    if missing := [name for name in task.columns("score") if name not in predictions]:
        raise UserError(
            f"{source}: no column {', '.join(missing)}; found {', '.join(predictions)}. Expected the scores of "
            f"{', '.join(task.labels)}. Make the predictions again."
        )
    joined = [
        (pairs if folds is None else in_repeat(pairs, folds, repeat))[[*keys, "group"]].merge(
            training, on=keys, how="left", validate="one_to_one"
        )
        for repeat, training in predictions.groupby("repeat")
    ]
    joined = pd.concat(joined, ignore_index=True)
    scores = joined[task.columns("score")[0]]
    strangers = len(predictions) - scores.notna().sum()
    if strangers or scores.isna().any():
        raise UserError(
            f"{source}: {scores.isna().sum()} pairs have no prediction and {strangers} predictions no pair "
            "with the same fold and label; expected one prediction a pair. Make them again from these pairs."
        )
    return joined


def correct(task: Task, joined: pd.DataFrame) -> np.ndarray:
    """How right the predictions of a row are, (training, pair), in [0, 1], from `join_predictions`."""
    found = task.correct(task.targets(joined), task.of("prediction", joined))
    return found.reshape(joined["repeat"].nunique(), -1)

"""Scores of out-of-fold predictions, their intervals by bootstrap over groups and seeds, and paired tests.

Rows of one group (a patient, or reports that say the same) are not independent, so groups are resampled, not rows. A
model that was trained several times is scored each time; a score is the mean of them, and they are resampled too.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

METRICS = ["accuracy", "auroc", "balanced_accuracy", "auprc", "sensitivity", "specificity"]
CLOSE = 1e-9  # sums of shares that are equal but for rounding
CELLS = 1 << 18  # resamples times rows at once: memory does not grow with either


def weighted_scores(labels: np.ndarray, scores: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The metrics of one or many weightings of the same rows, in the order of `METRICS`.

    Parameters
    ----------
    labels, scores, predictions
        Shape (row,); labels and predictions are 0 or 1, a higher score means label 1.
    weights
        Shape (resample, row): how often a row counts.

    Returns
    -------
    Shape (metric, resample), in [0, 1]; NaN where a class has no weight. Ties in `scores` count half for the AUROC
    (Mann-Whitney) and are one threshold for the AUPRC (average precision).
    """
    order = np.argsort(scores, kind="stable")
    negative, positive = (order[labels[order] == label] for label in (0, 1))
    below, up_to = (np.searchsorted(scores[negative], scores[positive], side) for side in ("left", "right"))
    of_positive = weights[:, positive]
    # of_negative[:, i]: the weight of the i negatives with the lowest scores
    of_negative = np.pad(np.cumsum(weights[:, negative], axis=-1), ((0, 0), (1, 0)))
    positives, negatives = of_positive.sum(-1), of_negative[:, -1]
    ranked = (of_positive * (of_negative[:, below] + of_negative[:, up_to])).sum(-1) / 2
    missed = np.pad(np.cumsum(of_positive, axis=-1), ((0, 0), (1, 0)))
    missed = missed[:, np.searchsorted(scores[positive], scores[positive])]  # positives with a lower score
    found, alarms = positives[:, None] - missed, negatives[:, None] - of_negative[:, below]
    right = labels == predictions
    right_positives = of_positive[:, right[positive]].sum(-1)
    right_negatives = weights[:, (labels == 0) & right].sum(-1)
    with np.errstate(invalid="ignore"):
        precision = np.divide(found, found + alarms, where=of_positive > 0, out=np.zeros(found.shape))
        sensitivity, specificity = right_positives / positives, right_negatives / negatives
        return np.stack(
            [
                (right_positives + right_negatives) / (positives + negatives),
                ranked / (positives * negatives),
                (sensitivity + specificity) / 2,
                (of_positive * precision).sum(-1) / positives,
                sensitivity,
                specificity,
            ]
        )


def score_with_intervals(
    labels: np.ndarray,
    scores: np.ndarray,
    predictions: np.ndarray,
    groups: np.ndarray,
    confidence: float,
    resamples: int,
    seed: int,
    repeats: np.ndarray | None = None,
) -> dict[str, tuple[float, float, float]]:
    """Each metric with the limits of its percentile interval under a bootstrap over groups and repeats.

    All arrays have shape (row,). `repeats` tells which training a row is from; one where it is not given. Returns
    metric: (value, low, high); what is not defined is NaN, as are the limits of one group.
    """
    names, group_of_row = np.unique(groups, return_inverse=True)
    repeats = np.zeros(len(labels), int) if repeats is None else repeats
    trainings = [np.flatnonzero(repeats == repeat) for repeat in np.unique(repeats)]

    def by_training(times: np.ndarray) -> np.ndarray:
        """(resample, group) to (training, metric, resample)."""
        rows = [(labels[of], scores[of], predictions[of], times[:, group_of_row[of]]) for of in trainings]
        return np.stack([weighted_scores(*each) for each in rows])

    def statistic(groups: np.ndarray, *drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        return _mean_of_drawn(by_training(_times(groups, len(names))), *drawn)

    values = by_training(np.ones((1, len(names))))[..., 0].mean(axis=0)
    if len(names) < 2:
        return {metric: (float(value), np.nan, np.nan) for metric, value in zip(METRICS, values, strict=True)}
    interval = _interval(statistic, [len(names), len(trainings)], len(labels), confidence, resamples, seed)
    limits = zip(METRICS, values, interval.low, interval.high, strict=True)
    return {metric: (float(value), float(low), float(high)) for metric, value, low, high in limits}


def right(joined: pd.DataFrame) -> np.ndarray:
    """Where the predictions of a row are right, bool of shape (training, pair), from `join_predictions`."""
    return (joined["label"] == joined["prediction"]).to_numpy().reshape(joined["repeat"].nunique(), -1)


def groups_of(joined: pd.DataFrame) -> np.ndarray:
    """The group of each pair, (pair,), from `join_predictions`."""
    return joined["group"].to_numpy()[: len(joined) // joined["repeat"].nunique()]


def difference_with_interval(
    right_a: np.ndarray, right_b: np.ndarray, groups: np.ndarray, confidence: float, resamples: int, seed: int
) -> tuple[float, float, float]:
    """How much more accurate a is than b on the same rows, with the limits of its interval, in [-1, 1].

    `right_a` and `right_b` tell where the models are right, as true or false or as a share of several trials, of shape
    (row,) or, for a model that was trained several times, (training, row); `groups` has shape (row,). Groups and
    trainings are resampled.
    """
    names, group_of_row = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group_of_row, minlength=len(names))
    a, b = (
        np.stack([np.bincount(group_of_row, right, len(names)) for right in np.atleast_2d(rights).astype(float)])
        for rights in (right_a, right_b)
    )

    def statistic(groups: np.ndarray, *drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        times = _times(groups, len(names))
        gains = [a @ times.T, b @ times.T]  # (training, resample)
        drawn = list(drawn)
        gains = [_mean_of_drawn(gain, *([drawn.pop(0)] if len(gain) > 1 else [])) for gain in gains]
        return (gains[0] - gains[1]) / (times @ sizes)

    gained = float((a.mean(axis=0) - b.mean(axis=0)).sum() / sizes.sum())
    if len(names) < 2:
        return gained, np.nan, np.nan
    interval = _interval(statistic, [len(names), len(a), len(b)], len(names), confidence, resamples, seed)
    return gained, float(interval.low), float(interval.high)


def _interval(statistic: Callable, sizes: list[int], rows: int, confidence: float, resamples: int, seed: int) -> Any:
    """The percentile interval of a statistic of numbers drawn from each of `sizes`; of one alone nothing is drawn."""
    return bootstrap(
        [np.arange(size) for number, size in enumerate(sizes) if number == 0 or size > 1],
        statistic,
        n_resamples=resamples,
        batch=batch_of(rows),
        vectorized=True,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval


def _times(drawn: np.ndarray, count: int) -> np.ndarray:
    """How often each of `count` was drawn: (resample, draw) to (resample, count)."""
    return np.stack([np.bincount(draw, minlength=count) for draw in np.atleast_2d(drawn)])


def _mean_of_drawn(values: np.ndarray, drawn: np.ndarray | None = None) -> np.ndarray:
    """The mean over the trainings drawn in each resample, or over all.

    (training, ..., resample), (resample, draw) to (..., resample).
    """
    if drawn is None:
        return values.mean(axis=0)
    times = _times(drawn, len(values))
    return np.einsum("t...r,rt->...r", values, times) / times.sum(-1)


def paired_p(right_a: np.ndarray, right_b: np.ndarray, groups: np.ndarray, resamples: int, seed: int) -> float:
    """Two-sided p of equal accuracy of two models on the same rows, by exchanging the models group by group.

    `right_a` and `right_b` are true where the models are right, of shape (row,) or, for a model that was trained
    several times, (training, row), whose mean is compared; `groups` has shape (row,).
    """
    names, group_of_row = np.unique(groups, return_inverse=True)
    a, b = (np.bincount(group_of_row, np.atleast_2d(right).mean(axis=0), len(names)) for right in (right_a, right_b))
    gained = (a - b)[np.abs(a - b) > CLOSE]  # exchanging equal counts changes nothing
    if len(gained) < 2:
        return 1.0
    drawn = 2 ** len(gained) > resamples
    null = _drawn_exchanges(gained, resamples, seed) if drawn else _all_exchanges(gained)
    as_extreme = min((null <= gained.sum() + CLOSE).sum(), (null >= gained.sum() - CLOSE).sum())
    return float(min(1, 2 * (as_extreme + drawn) / (len(null) + drawn)))  # what was observed is one of those drawn


def corrected(p: pd.Series) -> pd.Series:
    """The p values of a family of tests so corrected that its share of false alarms is kept (Holm, 1979).

    Missing values are not in the family and stay missing.
    """
    ordered = p.dropna().sort_values()
    left = np.arange(len(ordered), 0, -1)
    return (ordered * left).cummax().clip(upper=1).reindex(p.index)


def _all_exchanges(gained: np.ndarray) -> np.ndarray:
    """How much a model gains with each choice of groups in which it is exchanged: (group,) to (choice,)."""
    return np.array(list(product([1, -1], repeat=len(gained)))) @ gained


def _drawn_exchanges(gained: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """How much a model gains when it is exchanged in random groups: (group,) to (resample,)."""
    rng, batch = np.random.default_rng(seed), batch_of(len(gained))
    in_order = np.tile([0, 1], (batch, len(gained), 1))
    null = [(1 - 2 * rng.permuted(in_order, axis=-1)[..., 0]) @ gained for _ in range(0, resamples, batch)]
    return np.concatenate(null)[:resamples]


def batch_of(rows: int) -> int:
    """How many resamples are drawn at once; what is drawn does not depend on it."""
    return max(1, CELLS // int(rows))

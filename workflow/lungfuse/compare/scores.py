"""Scores of out-of-fold predictions, their intervals by bootstrap over groups, and paired tests.

Rows of one group (a patient, or reports that say the same) are not independent, so groups are resampled, not rows.
"""

from itertools import product

import numpy as np
from scipy.stats import bootstrap

METRICS = ["accuracy", "auroc", "sensitivity", "specificity"]
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
    (Mann-Whitney).
    """
    order = np.argsort(scores, kind="stable")
    negative, positive = (order[labels[order] == label] for label in (0, 1))
    below, up_to = (np.searchsorted(scores[negative], scores[positive], side) for side in ("left", "right"))
    of_positive = weights[:, positive]
    # of_negative[:, i]: the weight of the i negatives with the lowest scores
    of_negative = np.pad(np.cumsum(weights[:, negative], axis=-1), ((0, 0), (1, 0)))
    positives, negatives = of_positive.sum(-1), of_negative[:, -1]
    ranked = (of_positive * (of_negative[:, below] + of_negative[:, up_to])).sum(-1) / 2
    right = labels == predictions
    right_positives = of_positive[:, right[positive]].sum(-1)
    right_negatives = weights[:, (labels == 0) & right].sum(-1)
    with np.errstate(invalid="ignore"):
        return np.stack(
            [
                (right_positives + right_negatives) / (positives + negatives),
                ranked / (positives * negatives),
                right_positives / positives,
                right_negatives / negatives,
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
) -> dict[str, tuple[float, float, float]]:
    """Each metric with the limits of its percentile interval under a bootstrap over groups.

    All arrays have shape (row,). Returns metric: (value, low, high).
    """
    names, group_of_row = np.unique(groups, return_inverse=True)

    def statistic(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        times = np.stack([np.bincount(draw, minlength=len(names)) for draw in np.atleast_2d(drawn)])
        return weighted_scores(labels, scores, predictions, times[:, group_of_row])

    values = weighted_scores(labels, scores, predictions, np.ones((1, len(labels))))[:, 0]
    interval = bootstrap(
        (np.arange(len(names)),),
        statistic,
        n_resamples=resamples,
        batch=_batch(len(labels)),
        vectorized=True,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    limits = zip(METRICS, values, interval.low, interval.high, strict=True)
    return {metric: (float(value), float(low), float(high)) for metric, value, low, high in limits}


def mean_with_interval(
    right: np.ndarray, groups: np.ndarray, confidence: float, resamples: int, seed: int
) -> tuple[float, float, float]:
    """How often a model is right, with the limits of its interval, in [0, 1]; groups are resampled.

    `right` tells it for each row, as true or false or as a share of several trials; both arrays have shape (row,).
    """
    return difference_with_interval(right, np.zeros(len(right)), groups, confidence, resamples, seed)


def difference_with_interval(
    right_a: np.ndarray, right_b: np.ndarray, groups: np.ndarray, confidence: float, resamples: int, seed: int
) -> tuple[float, float, float]:
    """How much more accurate a is than b on the same rows, with the limits of its interval, in [-1, 1].

    `right_a` and `right_b` tell where the models are right, as true or false or as a share of several trials; all
    arrays have shape (row,). Groups are resampled.
    """
    names, group_of_row = np.unique(groups, return_inverse=True)
    gained = np.bincount(group_of_row, right_a.astype(float) - right_b, len(names))
    sizes = np.bincount(group_of_row, minlength=len(names))
    interval = bootstrap(
        (gained, sizes),
        lambda gained, sizes, axis: gained.sum(axis) / sizes.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=_batch(len(names)),
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(gained.sum() / sizes.sum()), float(interval.low), float(interval.high)


def paired_p(right_a: np.ndarray, right_b: np.ndarray, groups: np.ndarray, resamples: int, seed: int) -> float:
    """Two-sided p of equal accuracy of two models on the same rows, by exchanging the models group by group.

    `right_a` and `right_b` are true where the models are right; all arrays have shape (row,).
    """
    names, group_of_row = np.unique(groups, return_inverse=True)
    a = np.bincount(group_of_row, right_a, len(names))
    b = np.bincount(group_of_row, right_b, len(names))
    gained = (a - b)[a != b]  # exchanging equal counts changes nothing
    if len(gained) < 2:
        return 1.0
    drawn = 2 ** len(gained) > resamples
    null = _drawn_exchanges(gained, resamples, seed) if drawn else _all_exchanges(gained)
    as_extreme = min((null <= gained.sum()).sum(), (null >= gained.sum()).sum())
    return float(min(1, 2 * (as_extreme + drawn) / (len(null) + drawn)))  # what was observed is one of those drawn


def _all_exchanges(gained: np.ndarray) -> np.ndarray:
    """How much a model gains with each choice of groups in which it is exchanged: (group,) to (choice,)."""
    return np.array(list(product([1, -1], repeat=len(gained)))) @ gained


def _drawn_exchanges(gained: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """How much a model gains when it is exchanged in random groups: (group,) to (resample,)."""
    rng, batch = np.random.default_rng(seed), _batch(len(gained))
    in_order = np.tile([0, 1], (batch, len(gained), 1))
    null = [(1 - 2 * rng.permuted(in_order, axis=-1)[..., 0]) @ gained for _ in range(0, resamples, batch)]
    return np.concatenate(null)[:resamples]


def _batch(rows: int) -> int:
    """How many resamples are drawn at once; what is drawn does not depend on it."""
    return max(1, CELLS // int(rows))

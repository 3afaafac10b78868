"""Rows on the same pairs held against each other: paired tests, and the interval of a difference.

Rows are compared by the primary metric of the task. An accuracy is a mean over pairs, so that sums by group are enough;
another metric is measured anew for each exchange of groups and each bootstrap sample, both of which are weights of the
same pairs.
"""

from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from lungfuse.compare.scores import correct, groups_of, measured
from lungfuse.measures import METRICS
from lungfuse.statistics.bootstrap import batch_of, bootstrap_counts, interval_of, mean_of_drawn
from lungfuse.tasks import Task

CLOSE = 1e-9  # sums of shares that are equal but for rounding


def paired_p(task: Task, a: pd.DataFrame, b: pd.DataFrame, resamples: int, seed: int) -> float:
    """Two-sided p of the same primary metric of two rows, by exchanging them group by group.

    `a` and `b` are predictions of the same pairs from `join_predictions`.
    """
    if task.primary == "accuracy":
        return p_of_shares(correct(task, a), correct(task, b), groups_of(a), resamples, seed)
    return p_of_measures(task, a, b, resamples, seed)


def difference_with_interval(
    task: Task, a: pd.DataFrame, b: pd.DataFrame, confidence: float, resamples: int, seed: int
) -> tuple[float, float, float]:
    """By how much the primary metric of a is above that of b, with the limits of its interval, in [-1, 1].

    `a` and `b` are predictions of the same pairs from `join_predictions`. Groups and trainings are resampled.
    """
    if task.primary == "accuracy":
        return difference_of_shares(correct(task, a), correct(task, b), groups_of(a), confidence, resamples, seed)
    return difference_of_measures(task, a, b, confidence, resamples, seed)


def difference_of_shares(
    correct_a: np.ndarray, correct_b: np.ndarray, groups: np.ndarray, confidence: float, resamples: int, seed: int
) -> tuple[float, float, float]:
    """How much more accurate a is than b on the same pairs, with the limits of its interval, in [-1, 1].

    `correct_a` and `correct_b` tell where the models are right, as true or false or as a share of several trials, of
    shape (pair,) or, for a model that was trained several times, (training, pair); `groups` has shape (pair,).
    """
    names, group_of_pair = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group_of_pair, minlength=len(names))
    a, b = (
        np.stack([np.bincount(group_of_pair, share, len(names)) for share in np.atleast_2d(shares).astype(float)])
        for shares in (correct_a, correct_b)
    )

    def statistic(groups: np.ndarray, *drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        times = bootstrap_counts(groups, len(names))
        gains = _means_of_drawn([a @ times.T, b @ times.T], drawn)
        return (gains[0] - gains[1]) / (times @ sizes)

    gained = float((a.mean(axis=0) - b.mean(axis=0)).sum() / sizes.sum())
    if len(names) < 2:
        return gained, np.nan, np.nan
    interval = interval_of(statistic, [len(names), len(a), len(b)], len(names), confidence, resamples, seed)
    return gained, float(interval.low), float(interval.high)


def difference_of_measures(
    task: Task, a: pd.DataFrame, b: pd.DataFrame, confidence: float, resamples: int, seed: int
) -> tuple[float, float, float]:
    """`difference_with_interval` of any metric, by weighting the pairs."""
    metric, count = METRICS.index(task.primary), a["group"].nunique()
    of_rows = [measured(task, frame) for frame in (a, b)]

    def values(times: np.ndarray) -> list[np.ndarray]:
        """Of each row, (training, resample)."""
        return [of_row(times)[:, metric] for of_row in of_rows]

    def statistic(groups: np.ndarray, *drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        found = _means_of_drawn(values(bootstrap_counts(groups, count)), drawn)
        return found[0] - found[1]

    every = values(np.ones((1, count)))
    gained = float(every[0].mean() - every[1].mean())
    if count < 2:
        return gained, np.nan, np.nan
    sizes = [count, *map(len, every)]
    interval = interval_of(statistic, sizes, max(len(a), len(b)), confidence, resamples, seed)
    return gained, float(interval.low), float(interval.high)


def _means_of_drawn(values: list[np.ndarray], drawn: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """The mean of each row over the trainings drawn, each (training, resample); a row trained once draws none."""
    left = list(drawn)
    return [mean_of_drawn(value, *([left.pop(0)] if len(value) > 1 else [])) for value in values]


def p_of_shares(correct_a: np.ndarray, correct_b: np.ndarray, groups: np.ndarray, resamples: int, seed: int) -> float:
    """Two-sided p of equal accuracy of two models on the same pairs.

    `correct_a` and `correct_b` say how correct models are, of shape (pair,) or, for one that was trained several times,
    (training, pair), whose mean is compared; `groups` has shape (pair,).
    """
    names, group_of_pair = np.unique(groups, return_inverse=True)
    a, b = (
        np.bincount(group_of_pair, np.atleast_2d(shares).mean(axis=0), len(names)) for shares in (correct_a, correct_b)
    )
    gained = (a - b)[np.abs(a - b) > CLOSE]  # exchanging equal counts changes nothing
    if len(gained) < 2:
        return 1.0
    exchanged = exchanges(len(gained), len(gained), resamples, seed)
    return _p(gained.sum(), np.concatenate([(1 - 2 * batch) @ gained for batch in exchanged]), len(gained), resamples)


def p_of_measures(task: Task, a: pd.DataFrame, b: pd.DataFrame, resamples: int, seed: int) -> float:
    """Two-sided p of the same value of any metric of two rows on the same pairs.

    Scores are exchanged as ranks, as those of two models may be on different scales (Bandos et al., A permutation test
    sensitive to differences in areas for comparing ROC curves from a paired design, 2005).
    """
    of_a, of_b = ([_ranked(task, training) for _, training in frame.groupby("repeat")] for frame in (a, b))
    turns = int(np.lcm(len(of_a), len(of_b)))  # each training of a row has the same share
    trainings = [(of_a[turn % len(of_a)], of_b[turn % len(of_b)]) for turn in range(turns)]
    names, group_of_pair = np.unique(groups_of(a), return_inverse=True)
    differ = np.zeros(len(names), bool)
    for first, second in trainings:
        changed = [(one != other).any(axis=1) for one, other in zip(first[1:], second[1:], strict=True)]
        differ[group_of_pair[np.any(changed, axis=0)]] = True
    if differ.sum() < 2:
        return 1.0
    stacked = [tuple(map(np.concatenate, zip(*both, strict=True))) for both in trainings]
    metric = METRICS.index(task.primary)

    def gained(exchanged: np.ndarray) -> np.ndarray:
        """How much a row gains with the groups that differ exchanged or not, (resample, group) to (resample,)."""
        times = np.zeros((len(exchanged), len(names)))
        times[:, differ] = exchanged
        to_other = times[:, group_of_pair]
        weights = np.hstack([1 - to_other, to_other]), np.hstack([to_other, 1 - to_other])
        found = [[task.measures(*arrays, weight)[metric] for weight in weights] for arrays in stacked]
        return np.mean([one - other for one, other in found], axis=0)

    count = int(differ.sum())
    null = np.concatenate([gained(batch) for batch in exchanges(count, 2 * len(group_of_pair), resamples, seed)])
    return _p(gained(np.zeros((1, count)))[0], null, count, resamples)


def _ranked(task: Task, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores as ranks in [0, 1], and predictions of one training."""
    ranks = rankdata(task.of("score", frame), axis=0) / len(frame)
    return task.targets(frame), ranks, task.of("prediction", frame)


def exchanges(count: int, rows: int, resamples: int, seed: int):
    """In which of `count` groups two rows change places: 0 or 1, batch by batch of shape (resample, group).

    Every choice where that is no more than `resamples`, else as many drawn at random. A batch of `rows` rows fits
    memory; what is drawn does not depend on it.
    """
    batch = batch_of(rows)
    if 2**count <= resamples:
        every = np.array(list(product([0, 1], repeat=count)))
        yield from (every[start : start + batch] for start in range(0, len(every), batch))
        return
    rng = np.random.default_rng(seed)
    in_order = np.tile([0, 1], (batch, count, 1))
    for start in range(0, resamples, batch):
        yield rng.permuted(in_order, axis=-1)[: resamples - start, :, 0]


def _p(gained: float, null: np.ndarray, count: int, resamples: int) -> float:
    """Two-sided p of what was gained among what exchanges of `count` groups gain."""
    drawn = 2**count > resamples  # what was observed is then one more
    as_extreme = min((null <= gained + CLOSE).sum(), (null >= gained - CLOSE).sum())
    return float(min(1, 2 * (as_extreme + drawn) / (len(null) + drawn)))

"""Bootstrap intervals by the percentiles of resamples, in batches: memory does not grow with rows or resamples.

Of few things numbers are drawn by SciPy, of which several samples may be drawn at once; of many, how often each comes.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.stats import bootstrap

CELLS = 1 << 18  # resamples times rows at once


def interval_of(statistic: Callable, sizes: list[int], rows: int, confidence: float, resamples: int, seed: int) -> Any:
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


def bootstrap_counts(drawn: np.ndarray, count: int) -> np.ndarray:
    """How often each of `count` was drawn: (resample, draw) to (resample, count)."""
    return np.stack([np.bincount(draw, minlength=count) for draw in np.atleast_2d(drawn)])


def mean_of_drawn(values: np.ndarray, drawn: np.ndarray | None = None) -> np.ndarray:
    """The mean over the trainings drawn in each resample, or over all.

    (training, ..., resample), (resample, draw) to (..., resample).
    """
    if drawn is None:
        return values.mean(axis=0)
    times = bootstrap_counts(drawn, len(values))
    return np.einsum("t...r,rt->...r", values, times) / times.sum(-1)


def mean_with_interval(
    values: np.ndarray, groups: np.ndarray, confidence: float, resamples: int, seed: int
) -> tuple[float, float, float]:
    """The mean with the limits of its percentile interval; draws of something and groups are resampled.

    `values` has shape (draw, row), `groups` (row,).
    """
    names, group_of_row = np.unique(groups, return_inverse=True)
    sums = np.stack([np.bincount(group_of_row, draw, len(names)) for draw in values])
    sizes = np.bincount(group_of_row, minlength=len(names))
    draws, rng = len(values), np.random.default_rng(seed)
    means = []
    for times in times_drawn(len(names), resamples, rng):
        weights = rng.multinomial(draws, np.full(draws, 1 / draws), len(times)) / draws
        means.append(((times @ sums.T) * weights).sum(axis=1) / (times @ sizes))
    low, high = limits_of(np.concatenate(means), confidence)
    return float(values.mean()), float(low), float(high)


def times_drawn(count: int, resamples: int, rng: np.random.Generator, rows: int | None = None) -> Iterator[np.ndarray]:
    """How often each of `count` things is drawn, batch by batch of shape (resample, thing); `rows` fit one batch."""
    batch = batch_of(rows or count)
    for start in range(0, resamples, batch):
        yield rng.multinomial(count, np.full(count, 1 / count), min(batch, resamples - start))


def limits_of(values: np.ndarray, confidence: float) -> np.ndarray:
    """The limits of the percentile interval, (2, ...), of values of shape (resample, ...); NaN is left out."""
    return np.nanquantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)


def batch_of(rows: int) -> int:
    """How many resamples are drawn at once; what is drawn does not depend on it."""
    return max(1, CELLS // int(rows))

"""Statistics of sums over groups, with intervals by a bootstrap over groups and trainings.

Whatever is a function of sums over pairs, as a share or a Brier score, is computed for thousands of resamples by one
product of matrices. Groups are drawn alike for whatever is measured on the same pairs, so that differences are paired.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from lungfuse.statistics.bootstrap import limits_of

CELLS = 1 << 22  # of draws that are multiplied at once

Statistic = Callable[[np.ndarray], np.ndarray]


class Grouped:
    """The rows of all trainings of a model, with the draws of a bootstrap over their groups.

    Parameters
    ----------
    groups, trainings
        Shape (row,): the group of each row, and the training that predicted it.
    resamples, seed
        How many bootstrap samples there are, and the seed of their draws.
    """

    def __init__(self, groups: np.ndarray, trainings: np.ndarray, resamples: int, seed: int):
        names, self._group = np.unique(groups, return_inverse=True)
        numbers, self._training = np.unique(trainings, return_inverse=True)
        self.groups, self.trainings = len(names), len(numbers)
        self._resamples, self._seed = resamples, seed

    def sums(self, quantities: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(row, quantity) of some rows to (group, training, quantity)."""
        place = (self._group * self.trainings + self._training)[rows]
        size = self.groups * self.trainings
        found = np.stack([np.bincount(place, each, size) for each in quantities.T.astype(float)], axis=-1)
        return found.reshape(self.groups, self.trainings, -1)

    def values(self, sums: np.ndarray, statistic: Statistic) -> np.ndarray:
        """A statistic of all pairs, and of each resample: (1 + resample, value), the mean over the trainings.

        `sums` has shape (group, training, quantity); `statistic` turns (..., training, quantity) into (..., training,
        value). The first row is of the pairs as they are; with one group, or without resamples, it is the only one.
        """
        flat = sums.reshape(self.groups, -1)
        found = [statistic(sums.sum(axis=0)[None]).mean(axis=1)]
        if self.groups < 2 or not self._resamples:
            return found[0]
        times = _times_drawn(self.groups, self._resamples, self._seed)
        trained = _times_drawn(self.trainings, self._resamples, self._seed + 1) / self.trainings
        step = max(1, CELLS // self.groups)
        for start in range(0, self._resamples, step):
            part = slice(start, start + step)
            drawn = (times[part].astype(float) @ flat).reshape(-1, *sums.shape[1:])
            found.append(_mean_of_drawn(statistic(drawn), trained[part]))
        return np.concatenate(found)


def _mean_of_drawn(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(resample, training, value) and (resample, training) to (resample, value)."""
    return np.einsum("rtv,rt->rv", np.where(weights[..., None] > 0, values, 0.0), weights)


def means(sums: np.ndarray) -> np.ndarray:
    """The statistic of means: sums of quantities and, last, of how much each row counts, to the quotients."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[..., :-1] / sums[..., -1:]


@lru_cache(maxsize=8)
def _times_drawn(count: int, resamples: int, seed: int) -> np.ndarray:
    """How often each of `count` things is drawn, (resample, thing)."""
    rng, found = np.random.default_rng(seed), np.empty((resamples, count), np.uint8)
    for row in range(resamples):
        found[row] = np.bincount(rng.integers(count, size=count), minlength=count)
    return found


def interval(values: np.ndarray, confidence: float) -> np.ndarray:
    """The value of all pairs with the limits of its percentile interval, (value, 3), from `Grouped.values`.

    Limits are NaN where nothing was resampled, and where a statistic of all pairs is not defined.
    """
    limits = np.full((2, values.shape[1]), np.nan)
    defined = np.isfinite(values[0]) & np.isfinite(values[1:]).any(axis=0)
    if defined.any():
        limits[:, defined] = limits_of(values[1:, defined], confidence)
    return np.stack([values[0], *limits], axis=-1)

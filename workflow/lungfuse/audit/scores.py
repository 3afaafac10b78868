"""AUROC of scores by several models, each in its own fold, with intervals over groups, and what they show in a word."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lungfuse.statistics.auroc import Ranking
from lungfuse.statistics.bootstrap import limits_of, times_drawn
from lungfuse.statistics.gains import MARGIN, MIN_GROUPS, effective_groups
from lungfuse.statistics.gains import word as word_of

CONFIDENCE = 0.95
NOTHING = float("nan")


class Estimate(NamedTuple):
    """A value with the limits of its interval; NaN where there are too few groups for one."""

    value: float = NOTHING
    low: float = NOTHING
    high: float = NOTHING


def within_folds(values: np.ndarray, scores: np.ndarray, fold: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The AUROC of each label over pairs of rows of the same fold, (resample, label); NaN where there is no such pair.

    `values` is 0, 1 or NaN where unknown and `scores` rises with it, both (row, label); `fold` is (row,), `weights`
    (resample, row). Scores of models of different folds are never compared.
    """
    ranked = np.zeros((len(weights), values.shape[1]))
    pairs = np.zeros_like(ranked)
    for label in range(values.shape[1]):
        known = ~np.isnan(values[:, label])
        for number in np.unique(fold):
            rows = np.flatnonzero(known & (fold == number))
            if len(np.unique(values[rows, label])) < 2:
                continue
            found = Ranking(values[rows, label], scores[rows, label], weights[:, rows])
            of_fold = found.positives * found.negatives
            ranked[:, label] += np.where(of_fold > 0, np.nan_to_num(found.auroc()) * of_fold, 0)
            pairs[:, label] += of_fold
    with np.errstate(invalid="ignore", divide="ignore"):
        return ranked / pairs


class Resampled:
    """Rows with their labels and folds, drawn anew by group."""

    def __init__(self, values: np.ndarray, fold: np.ndarray, groups: np.ndarray, resamples: int, seed: int) -> None:
        self.values, self.fold = values, fold
        self.names, self.group = np.unique(groups, return_inverse=True)
        self.resamples, self.seed = resamples, seed
        self.enough = len(groups) > 0 and effective_groups(self.group) >= MIN_GROUPS

    def aurocs(self, scores: np.ndarray) -> list[Estimate]:
        """The AUROC of each label, and in front of them the mean over labels."""
        point = _with_mean(within_folds(self.values, scores, self.fold, np.ones((1, len(self.fold)))))[0]
        if not self.enough:
            return [Estimate(float(value)) for value in point]
        drawn = [_with_mean(within_folds(self.values, scores, self.fold, weights)) for weights in self._weights()]
        limits = (
            limits_of(np.concatenate(drawn), CONFIDENCE)
            if np.isfinite(point).any()
            else np.full((2, len(point)), NOTHING)
        )
        return [Estimate(*map(float, each)) for each in zip(point, *limits, strict=True)]

    def difference(self, flawed: np.ndarray, control: np.ndarray) -> tuple[float, Estimate]:
        """The mean AUROC of the control, and what the flawed scores have more; both of shape (draw, row, label).

        Draws are resampled together with groups.
        """
        once = np.ones((1, len(self.fold)))
        by_draw = np.array([[self._mean(scores, once)[0] for scores in arm] for arm in (flawed, control)])
        point = float((by_draw[0] - by_draw[1]).mean())
        if not self.enough:
            return float(by_draw[1].mean()), Estimate(point)
        rng, drawn = np.random.default_rng(self.seed), []
        for weights in self._weights():
            gained = np.stack(
                [self._mean(a, weights) - self._mean(b, weights) for a, b in zip(flawed, control, strict=True)]
            )
            times = rng.multinomial(len(flawed), np.full(len(flawed), 1 / len(flawed)), gained.shape[1])
            drawn.append((gained.T * times).sum(axis=1) / len(flawed))
        low, high = limits_of(np.concatenate(drawn), CONFIDENCE)
        return float(by_draw[1].mean()), Estimate(point, float(low), float(high))

    def _mean(self, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return _with_mean(within_folds(self.values, scores, self.fold, weights))[:, 0]

    def _weights(self) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(self.seed)
        for times in times_drawn(len(self.names), self.resamples, rng, rows=len(self.fold)):
            yield times[:, self.group].astype(float)


def _with_mean(found: np.ndarray) -> np.ndarray:
    """The mean over the labels that are defined, in front of those of labels; (resample, 1 + label)."""
    defined = np.isfinite(found)
    with np.errstate(invalid="ignore"):
        mean = np.where(defined, found, 0).sum(axis=1) / defined.sum(axis=1)
    return np.column_stack([mean, found])


def word(worth: Estimate) -> str:
    """What the interval of a difference shows beside two points, in the words of verdicts."""
    return word_of(worth.low, worth.high, MARGIN)

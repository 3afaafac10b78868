"""Scores within folds, and how much each case moves them.

The models of different folds score on different scales, so the cases of a fold are ranked among themselves; the scores
of the folds are averaged, each weighed by its cases. Pooled over folds, models that know nothing fall below one half.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BLOCK = 1 << 22  # pairs of cases that are compared at once


@dataclass(frozen=True)
class WithinFolds:
    """The score of one training, label by label; a label without both classes in any fold has none.

    `fold` is the fold of each case, (case,). `of_fold` is the score of each label in each fold, at most 1, NaN where it
    is not defined; `weight` is the share of the label's cases that it stands for, of all folds where it is; both
    (label, fold). `influence` is how much each case moves the score of each label, (label, case): for an AUROC the
    structural components of DeLong et al. (1988). It sums to 0 over the cases of a fold.
    """

    fold: np.ndarray
    of_fold: np.ndarray
    weight: np.ndarray
    influence: np.ndarray

    @property
    def by_label(self) -> np.ndarray:
        """(label,); NaN where a label is defined in no fold."""
        known = self.weight.any(axis=1)
        return np.where(known, np.nansum(self.weight * self.of_fold, axis=1), np.nan)

    @property
    def value(self) -> float:
        """The mean over the labels, each of which counts the same; NaN without any."""
        known = self.weight.any(axis=1)
        return float(self.by_label[known].mean()) if known.any() else float("nan")

    @property
    def moved(self) -> np.ndarray:
        """How much each case moves the mean over the labels, (case,)."""
        known = self.weight.any(axis=1)
        return self.influence[known].sum(axis=0) / max(known.sum(), 1)

    def at(self, value: float) -> "WithinFolds":
        """The same cases with a score that is known, as that of chance."""
        return WithinFolds(self.fold, np.where(np.isnan(self.of_fold), np.nan, value), self.weight, 0 * self.influence)

    def of_labels(self, which: Sequence[int] | slice) -> "WithinFolds":
        """Some of the labels."""
        return WithinFolds(self.fold, self.of_fold[which], self.weight[which], self.influence[which])


def mean_value(trainings: Sequence[WithinFolds]) -> float:
    """The score of a model, the mean over its trainings."""
    return float(np.mean([training.value for training in trainings]))


def auroc_within_folds(label: np.ndarray, score: np.ndarray, fold: np.ndarray, folds: int) -> WithinFolds:
    """The AUROC of one label, 0 or 1, NaN where it is not known; ties count half.

    Parameters
    ----------
    label, score, fold
        Shape (case,); folds are numbered from 0.
    folds
        How many there are.
    """
    of_fold, influence = np.full(folds, np.nan), np.zeros(len(label))
    for number in range(folds):
        cases = np.flatnonzero(fold == number)
        positive, negative = cases[label[cases] == 1], cases[label[cases] == 0]
        if len(positive) and len(negative):
            above, below = placements(score[positive], score[negative])
            of_fold[number] = above.mean()
            influence[positive] = (above - above.mean()) / len(positive)
            influence[negative] = (below - above.mean()) / len(negative)
    return _weighed(fold, of_fold, influence, ~np.isnan(label))


def placements(positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of the other class that each score is on the right side of, ties by half: (positive,), (negative,)."""
    low, high = np.sort(positive), np.sort(negative)
    above = np.searchsorted(high, positive, "left") + np.searchsorted(high, positive, "right")
    below = np.searchsorted(low, negative, "left") + np.searchsorted(low, negative, "right")
    return above / (2 * len(negative)), 1 - below / (2 * len(positive))


def mean_within_folds(value: np.ndarray, fold: np.ndarray, folds: int) -> WithinFolds:
    """The mean of something in [0, 1], as whether a prediction is right, where it is not NaN; `value` (case,)."""
    of_fold, influence = np.full(folds, np.nan), np.zeros(len(value))
    for number in range(folds):
        cases = np.flatnonzero((fold == number) & ~np.isnan(value))
        if len(cases):
            of_fold[number] = value[cases].mean()
            influence[cases] = (value[cases] - of_fold[number]) / len(cases)
    return _weighed(fold, of_fold, influence, ~np.isnan(value))


def concordance_within_folds(number: np.ndarray, score: np.ndarray, fold: np.ndarray, folds: int) -> WithinFolds:
    """The share of pairs of cases with different numbers whose scores are in the same order, ties by half.

    All of shape (case,); a number that is NaN is not known. Of two numbers it is the AUROC, and its influence too.
    """
    of_fold, influence = np.full(folds, np.nan), np.zeros(len(number))
    for each in range(folds):
        cases = np.flatnonzero((fold == each) & ~np.isnan(number))
        ordered, compared = _concordant(number[cases], score[cases])
        if compared.any():
            of_fold[each] = ordered.sum() / compared.sum()
            influence[cases] = 2 * (ordered - of_fold[each] * compared) / compared.sum()
    return _weighed(fold, of_fold, influence, ~np.isnan(number))


def _concordant(number: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """With how many cases each is in the right order, ties by half, and with how many it can be compared, (case,)."""
    ordered, compared = np.zeros(len(number)), np.zeros(len(number))
    for part in np.array_split(np.arange(len(number)), max(1, len(number) ** 2 // BLOCK)):
        signs = np.sign(number[part, None] - number)
        compared[part] = (signs != 0).sum(axis=1)
        agreeing = (signs * np.sign(score[part, None] - score)).sum(axis=1)
        ordered[part] = (compared[part] + agreeing) / 2
    return ordered, compared


def explained_within_folds(number: np.ndarray, predicted: np.ndarray, fold: np.ndarray, folds: int) -> WithinFolds:
    """R2, the share of the variance of numbers that is explained, (case,) each; below 0 where the mean explains more.

    The influence of a case is that on 1 - A / B, of the mean squared error A and the variance B.
    """
    of_fold, influence = np.full(folds, np.nan), np.zeros(len(number))
    for each in range(folds):
        cases = np.flatnonzero((fold == each) & ~np.isnan(number))
        squares, spread = np.square(number - predicted)[cases], np.square(number[cases] - number[cases].mean())
        if len(cases) and spread.any():
            of_fold[each] = 1 - squares.mean() / spread.mean()
            influence[cases] = ((1 - of_fold[each]) * spread - squares) / spread.sum()
    return _weighed(fold, of_fold, influence, ~np.isnan(number))


def _weighed(fold: np.ndarray, of_fold: np.ndarray, influence: np.ndarray, known: np.ndarray) -> WithinFolds:
    weight = np.bincount(fold[known], minlength=len(of_fold)) * np.isfinite(of_fold)
    weight = weight / max(weight.sum(), 1)
    return WithinFolds(fold, of_fold[None], weight[None], (influence * weight[fold])[None])


def stacked(labels: Sequence[WithinFolds]) -> WithinFolds:
    """Several labels of the same cases."""
    arrays = [np.concatenate([getattr(each, name) for each in labels]) for name in ["of_fold", "weight", "influence"]]
    return WithinFolds(labels[0].fold, *arrays)


def picked_by_fold(models: Sequence[WithinFolds], picked: np.ndarray) -> WithinFolds:
    """One training put together from several models of the same folds: in each fold the picked one, int of (fold,)."""
    fold, count = models[0].fold, np.arange(len(picked))
    of_fold, weight = (
        np.stack([getattr(model, name) for model in models])[picked, :, count].T for name in ["of_fold", "weight"]
    )
    influence = np.stack([model.influence for model in models])[picked[fold], :, np.arange(len(fold))].T
    return WithinFolds(fold, of_fold, weight, influence)


def picked_by_label(models: Sequence[WithinFolds], picked: np.ndarray) -> WithinFolds:
    """As `picked_by_fold`, of each label by itself; `picked` is (label, fold)."""
    labels = range(len(picked))
    return stacked([picked_by_fold([each.of_labels([n]) for each in models], picked[n]) for n in labels])


def combined(models: Sequence[WithinFolds], coefficients: Sequence[float]) -> WithinFolds:
    """A sum of scores of the same cases in the same folds, each times its coefficient, as their difference."""
    first, terms = models[0], list(zip(models, coefficients, strict=True))
    of_fold = sum(coefficient * model.of_fold for model, coefficient in terms)
    influence = sum(coefficient * model.influence for model, coefficient in terms)
    return WithinFolds(first.fold, of_fold, first.weight, influence)

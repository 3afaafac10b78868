"""The AUROC within folds, and how much each pair moves it.

Scores of models of different folds are on different scales. So pairs of a fold are ranked among themselves, and the
AUROCs of the folds are averaged, each weighed by its pairs.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class WithinFolds:
    """The AUROC of one training.

    `fold` is the fold of each pair, (pair,). `of_fold` is the AUROC of each fold in [0, 1], NaN where a fold has one class alone; `weight` of each fold sums to 1;
    both are (fold,). `influence` is how much each pair moves the mean, (pair,): the structural components of DeLong et
    al. (1988), whose sum over the pairs of a fold is 0.
    """

    fold: np.ndarray
    of_fold: np.ndarray
    weight: np.ndarray
    influence: np.ndarray

    @property
    def value(self) -> float:
        """The weighted mean over the folds where it is defined; NaN where it is nowhere."""
        return float(np.nansum(self.weight * self.of_fold)) if self.weight.any() else float("nan")


def auroc_within_folds(label: np.ndarray, score: np.ndarray, fold: np.ndarray, folds: int) -> WithinFolds:
    """The AUROC of labels 0 or 1, each fold by itself.

    Parameters
    ----------
    label, score, fold
        Shape (pair,); folds are numbered from 0.
    folds
        How many there are.
    """
    of_fold, weight, influence = np.full(folds, np.nan), np.zeros(folds), np.zeros(len(label))
    for number in range(folds):
        rows = np.flatnonzero(fold == number)
        positive, negative = rows[label[rows] == 1], rows[label[rows] == 0]
        if len(positive) and len(negative):
            above, below = placements(score[positive], score[negative])
            of_fold[number], weight[number] = above.mean(), len(rows)
            influence[positive] = (above - above.mean()) / len(positive)
            influence[negative] = (below - above.mean()) / len(negative)
    weight = weight / max(weight.sum(), 1)
    return WithinFolds(fold, of_fold, weight, influence * weight[fold])


def placements(positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of the other class that each score is on the right side of, ties by half: (positive,), (negative,)."""
    low, high = np.sort(positive), np.sort(negative)
    above = np.searchsorted(high, positive, "left") + np.searchsorted(high, positive, "right")
    below = np.searchsorted(low, negative, "left") + np.searchsorted(low, negative, "right")
    return above / (2 * len(negative)), 1 - below / (2 * len(positive))

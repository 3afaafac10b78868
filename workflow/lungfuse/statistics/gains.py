"""What one model gains over another on the same pairs: standard errors that know of groups and of training.

A gain varies with the cases that were drawn, in groups, and with what the models of the folds happen to learn. The first
is estimated from the influence of each group on the AUROC, the second from how much more the gains of the folds differ
than their cases explain. Models of different folds learn from overlapping pairs, so the mean over the folds does not
average the second out: its variance is that of Nadeau and Bengio (Inference for the generalization error, 2003).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from lungfuse.statistics.within_folds import WithinFolds

CELLS = 1 << 22  # draws times groups at once


@dataclass(frozen=True)
class Gain:
    """The gain of a model over another, in [-1, 1].

    `of_group` is how much each group moves it, (group,), in the order of the sorted groups; `training` is the variance
    that training adds to that of the groups.
    """

    value: float
    of_group: np.ndarray
    training: float

    @property
    def error(self) -> float:
        """The standard error."""
        count = len(self.of_group)
        return float(np.sqrt(count / max(count - 1, 1) * np.square(self.of_group).sum() + self.training))


def gain(a: Sequence[WithinFolds], b: Sequence[WithinFolds], groups: np.ndarray) -> Gain:
    """The mean gain of the trainings of a over those of b; one of a model that is trained once stands for all.

    `groups` are the group of each pair, (pair,), of integers from 0.
    """
    trainings = max(len(a), len(b))
    pairs_of_trainings = [(a[n % len(a)], b[n % len(b)]) for n in range(trainings)]
    moved = np.mean([one.influence - other.influence for one, other in pairs_of_trainings], axis=0)
    value = float(np.mean([one.value - other.value for one, other in pairs_of_trainings]))
    excess = np.mean([_excess(one, other, groups) for one, other in pairs_of_trainings])
    folds = np.mean([np.isfinite(one.of_fold - other.of_fold).sum() for one, other in pairs_of_trainings])
    share = 1 / (folds * trainings) + 1 / (folds - 1) if folds > 1 else 0.0
    return Gain(value, np.bincount(groups, moved), max(float(excess), 0.0) * share)


def _excess(a: WithinFolds, b: WithinFolds, groups: np.ndarray) -> float:
    """By how much the gains of the folds vary more than their cases explain."""
    gained = a.of_fold - b.of_fold
    known = np.isfinite(gained)
    if known.sum() < 2:
        return 0.0
    moved = np.square(np.bincount(groups, a.influence - b.influence))
    fold_of_group = np.zeros(len(moved), int)
    fold_of_group[groups] = a.fold
    by_cases = np.bincount(fold_of_group, moved, len(gained))[known] / np.square(a.weight[known])
    return float(gained[known].var(ddof=1) - by_cases.mean())


def effective_groups(groups: np.ndarray) -> float:
    """How many groups of equal size say as much: (sum of sizes)^2 / sum of their squares (Kish, 1965)."""
    sizes = np.bincount(groups)
    return float(sizes.sum() ** 2 / np.square(sizes).sum())


@dataclass(frozen=True)
class Family:
    """Gains that are judged together: how far any of them strays from nothing by chance alone.

    `largest` are the largest of their absolute t values in each draw under no gain, sorted, (draw,).
    """

    largest: np.ndarray

    def limit(self, confidence: float) -> float:
        """How many standard errors the intervals of all of them reach to either side."""
        return float(np.quantile(self.largest, confidence))

    def p(self, value: float) -> float:
        """Two-sided p of a t value, corrected for the family; no less than one more than the draws allows."""
        as_large = len(self.largest) - np.searchsorted(self.largest, abs(value) - 1e-12)
        return float((1 + as_large) / (1 + len(self.largest)))


def family(gains: Sequence[Gain], degrees: float, draws: int, seed: int) -> Family:
    """Draw t values of all gains at once, correlated as their groups make them (max-T, Westfall and Young, 1993).

    Each group counts with a number drawn from a normal distribution, each training adds one of its own; both are
    divided by the spread of `degrees` of freedom.
    """
    rng = np.random.default_rng(seed)
    errors = np.array([each.error for each in gains])
    of_group = np.stack([each.of_group for each in gains], axis=1) / np.where(errors > 0, errors, 1)
    training = np.sqrt([each.training for each in gains]) / np.where(errors > 0, errors, 1)
    batch, largest = max(1, CELLS // len(of_group)), []
    for start in range(0, draws, batch):
        count = min(batch, draws - start)
        drawn = rng.standard_normal((count, len(of_group)), dtype=np.float32) @ of_group.astype(np.float32)
        drawn = drawn + rng.standard_normal(drawn.shape) * training
        spread = np.sqrt(rng.chisquare(degrees, count) / degrees)
        largest.append(np.abs(drawn).max(axis=1) / spread)
    return Family(np.sort(np.concatenate(largest)))


def t_limit(confidence: float, degrees: float) -> float:
    """How many standard errors the interval of one gain reaches to either side."""
    return float(t.ppf((1 + confidence) / 2, degrees))

"""What one model gains over another on the same cases: errors that know of groups and of training, and families.

A gain varies with the cases that were drawn, in groups, and with what the models of the folds happen to learn. The
first is estimated from the influence of each group on the score. The second shows in how much the gains of the folds
differ: as models of different folds learn from overlapping cases, their mean is less certain than that of independent
ones, by the factor of Nadeau and Bengio (Inference for the generalization error, 2003; for repeated folds Bouckaert and
Frank, 2004). A standard error is the larger of both. `benchmarks/false_alarms.py` holds it against others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, multivariate_t, t

from lungfuse.statistics.within_folds import WithinFolds

MIN_GROUPS = 20  # effective groups below which a standard error says nothing
MARGIN = 0.02  # of AUROC, within which models are equivalent where no study declares another margin
DRAWS, BATCH = 100_000, 10_000
UNLIKELY = 0.95  # that folds differ so little by chance


@dataclass(frozen=True)
class Gain:
    """The gain of a model over another, in [-1, 1].

    `of_group` is how much each group moves it, (group,), in the order of the sorted groups. `by_groups` is the variance
    that follows from the groups, the mean of the trainings; `by_folds` the one that follows from the gains of all
    folds, NaN of a single one. `of_training` is what of `by_folds` the cases do not explain, where folds differ more
    than groups as many as theirs do by chance, else 0. It does not shrink with more groups, but with more trainings.
    """

    value: float
    of_group: np.ndarray
    by_groups: float
    by_folds: float
    of_training: float = 0.0

    @property
    def error(self) -> float:
        """The standard error."""
        return float(np.sqrt(np.nanmax([self.by_groups, self.by_folds])))

    @property
    def t(self) -> float:
        """The gain in standard errors; 0 where the models do not differ."""
        return self.value / self.error if self.error > 0 else 0.0


def gain(a: Sequence[WithinFolds], b: Sequence[WithinFolds], groups: np.ndarray) -> Gain:
    """The mean gain of the trainings of a over those of b, both on the same folds.

    `groups` are the group of each case, (case,), of integers from 0. Of a model with more trainings, those that the
    other has not are left out.
    """
    trainings = list(zip(a, b, strict=False))
    value = float(np.mean([one.value - other.value for one, other in trainings]))
    of_group = np.stack([np.bincount(groups, one.moved - other.moved) for one, other in trainings])
    by_groups = _small_sample(of_group[0]) * np.square(of_group).sum(axis=1).mean()
    of_folds = [by_fold[np.isfinite(by_fold)] for by_fold in (gains_of_folds(*each) for each in trainings)]
    by_folds = _corrected_variance(of_folds)
    return Gain(
        value, of_group.mean(axis=0), float(by_groups), by_folds, _of_training(of_folds, by_folds, float(by_groups))
    )


def gains_of_folds(a: WithinFolds, b: WithinFolds) -> np.ndarray:
    """The mean gain of the labels in each fold, (fold,); NaN where none is defined."""
    gained = a.of_fold - b.of_fold
    known = np.isfinite(gained)
    return np.divide(
        np.nansum(gained, axis=0), known.sum(axis=0), where=known.any(axis=0), out=np.full(gained.shape[1], np.nan)
    )


def _corrected_variance(of_folds: Sequence[np.ndarray]) -> float:
    """That of the mean of the gains of all folds of all trainings, (training,) of (fold,); NaN of a single fold."""
    if np.mean([len(each) for each in of_folds]) < 2:
        return float("nan")
    return float(np.concatenate(of_folds).var(ddof=1) * _correction(of_folds))


def _of_training(of_folds: Sequence[np.ndarray], by_folds: float, by_groups: float) -> float:
    """What of the variance by folds is no chance of the cases: a fold has one of so many parts of them."""
    count, folds = sum(map(len, of_folds)), np.mean([len(each) for each in of_folds])
    if folds < 2:
        return 0.0
    explained = by_groups * folds * _correction(of_folds)
    by_chance = explained * chi2.ppf(UNLIKELY, count - 1) / (count - 1)
    return float(by_folds - explained) if by_folds > by_chance else 0.0


def _correction(of_folds: Sequence[np.ndarray]) -> float:
    """The factor of Nadeau and Bengio: of the variance of the mean to that of the gains of single folds."""
    return float(1 / sum(map(len, of_folds)) + 1 / (np.mean([len(each) for each in of_folds]) - 1))


def _small_sample(of_group: np.ndarray) -> float:
    return len(of_group) / max(len(of_group) - 1, 1)


def degrees_of_freedom(groups: np.ndarray) -> float:
    """Those of standard errors: of the effective groups, as the error of the groups is its lower limit."""
    return max(effective_groups(groups) - 1, 1.0)


def effective_groups(groups: np.ndarray) -> float:
    """How many groups of equal size say as much: (sum of sizes)^2 / sum of their squares (Kish, 1965)."""
    sizes = np.bincount(groups)
    return float(sizes.sum() ** 2 / np.square(sizes).sum())


@dataclass(frozen=True)
class SmallestGain:
    """The gain of a fusion over the best of its parts: the smallest over all parts, none of which is chosen.

    `part` is the position of the part with the smallest gain. `low` and `high` are the limits of an interval that holds
    for the whole family at once, `p` is two-sided, `p_corrected` that for the family. `error` is the standard error of
    the gain over `part`.
    """

    part: int
    value: float
    error: float
    low: float
    high: float
    p: float
    p_corrected: float


def smallest_gains(
    family: Sequence[Sequence[Gain]], degrees: float, confidence: float, seed: int, draws: int = DRAWS
) -> list[SmallestGain]:
    """Of each fusion of a family, given its gains over each part, the smallest.

    A fusion beats the best of its parts if it beats every one (intersection-union test, Berger, 1982). So the lower
    limits are corrected for the number of fusions alone, the upper ones, which any part may set, for all comparisons.
    Both corrections are by the largest of correlated t values (max-T, Westfall and Young, 1993), of which so many are
    drawn, with so many degrees of freedom; no p is less than one more than the draws allow.
    """
    least = [min(range(len(gains)), key=lambda n: (gains[n].t, gains[n].value)) for gains in family]
    smallest = [min(range(len(gains)), key=lambda n: gains[n].value) for gains in family]
    of_fusions = largest_t([gains[n] for gains, n in zip(family, least, strict=True)], degrees, draws, seed)
    of_all = largest_t([gain for gains in family for gain in gains], degrees, draws, seed)
    above, below = (float(np.quantile(drawn, confidence)) for drawn in (of_fusions, of_all))
    found = []
    for gains, n, nearest in zip(family, smallest, least, strict=True):
        stat = gains[nearest].t
        found.append(
            SmallestGain(
                part=n,
                value=gains[n].value,
                error=gains[n].error,
                low=min(each.value - above * each.error for each in gains),
                high=min(each.value + below * each.error for each in gains),
                p=float(2 * t.sf(abs(stat), degrees)),
                p_corrected=corrected_p(stat, of_fusions if stat > 0 else of_all),
            )
        )
    return found


def largest_t(gains: Sequence[Gain], degrees: float, draws: int, seed: int) -> np.ndarray:
    """The largest absolute t value of gains that are nothing, in each of so many draws, sorted; (draw,)."""
    errors = np.array([each.error if each.error > 0 else np.inf for each in gains])
    moved = np.stack([each.of_group for each in gains]) / errors[:, None]
    correlation = _small_sample(moved[0]) * moved @ moved.T
    np.fill_diagonal(correlation, 1.0)
    rng, law = np.random.default_rng(seed), multivariate_t(shape=correlation, df=degrees, allow_singular=True)
    sizes = [BATCH] * (draws // BATCH) + [draws % BATCH] * (draws % BATCH > 0)
    return np.sort(np.concatenate([np.abs(law.rvs(size, rng).reshape(size, -1)).max(axis=1) for size in sizes]))


def corrected_p(stat: float, largest: np.ndarray) -> float:
    """The share of draws with a t value as large; at least 1 / (draws + 1)."""
    as_large = len(largest) - np.searchsorted(largest, abs(stat) - 1e-12)
    return float((1 + as_large) / (1 + len(largest)))


def word(low: float, high: float, margin: float) -> str:
    """What an interval of a gain shows beside a margin: equivalent, better, worse or inconclusive.

    Equivalent is an interval within the margin on both sides (two one-sided tests, Schuirmann, 1987), even where it
    leaves out zero. Without an interval, nothing is concluded.
    """
    if not np.isfinite([low, high]).all():
        return "inconclusive"
    if -margin < low and high < margin:
        return "equivalent"
    return "better" if low > 0 else "worse" if high < 0 else "inconclusive"


def exceeds(gained: SmallestGain, margin: float, degrees: float) -> float:
    """The probability that the gain is above a margin, where nothing was known of it before."""
    return (
        float(t.sf((margin - gained.value) / gained.error, degrees))
        if gained.error > 0
        else float(gained.value > margin)
    )

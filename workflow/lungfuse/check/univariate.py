"""How well one thing predicts the label by itself: a column, a word, or that something is missing.

A value is scored by the share of each class among cases of other groups that have the same value, or, of numbers, one
near it. So a name that no other group bears predicts nothing. All is counting: 100,000 rows take a moment.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from lungfuse.statistics.auroc import Ranking
from lungfuse.statistics.splits import dealt_folds

FOLDS = 5
MOST_BINS = 32
PRIOR = 2.0  # cases that a value is smoothed with
ERRORS = 3.0  # standard errors above one half that are no chance
PREDICTS = 0.65  # AUROC by itself from which on something is said to predict the label
LEAST_SHARE = 0.05  # of the cases that a class has, for it to count by itself
PURE = 1e-5  # chance of a word that stands for one class alone, over all words

Kind = Literal["number", "category"]


class PureWord(NamedTuple):
    """A word of a column that stands for one class alone, in `n` cases."""

    word: str
    label: str
    n: int


@dataclass(frozen=True)
class Outcomes:
    """What is predicted: `values` is 0, 1 or NaN where unknown, (case, class or label); groups are never on two sides.

    Two classes have one column, that of the second. `exclusive` says whether a case is of one class alone.
    """

    values: np.ndarray
    names: list[str]
    groups: np.ndarray
    exclusive: bool
    fold: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fold", dealt_folds(self.groups, self.values, FOLDS))

    @property
    def independent(self) -> float:
        """The share of the cases that would be left if each group had one."""
        return len(np.unique(self.groups)) / max(len(self.groups), 1)


@dataclass(frozen=True)
class Score:
    """AUROC of each class or label, NaN where it has no case, and whether it is above what chance gives."""

    names: list[str]
    auroc: np.ndarray
    errors: np.ndarray
    n: np.ndarray
    counts: np.ndarray
    exclusive: bool

    @property
    def mean(self) -> float:
        """The mean over classes or labels."""
        return float(np.nanmean(self.auroc)) if np.isfinite(self.auroc).any() else float("nan")

    def best(self, least: float = LEAST_SHARE) -> tuple[str, float]:
        """The class or label that is predicted best beyond chance, and its AUROC; one half where none is.

        Of many classes, those with at least a share of the cases.
        """
        auroc = np.where(self.auroc - 0.5 > ERRORS * self.errors, self.auroc, 0.5)
        if self.exclusive and len(self.names) > 1:
            auroc = np.where(self.counts >= least * self.n, auroc, 0.5)
        place = int(auroc.argmax()) if len(auroc) else 0
        return (self.names[place], float(auroc[place])) if len(auroc) else ("", 0.5)


def univariate_auroc(values: pd.Series, kind: Kind, labels: pd.Series, groups: pd.Series) -> float:
    """The AUROC that a column reaches by itself, in cross-validation over groups; of many classes the mean.

    `values` are words or numbers, an empty one is missing; so is a label that is not known. NaN where the labels are
    all the same.
    """
    score = score_column(values, kind, outcomes_of(labels, groups))
    return score.mean


def outcomes_of(labels: pd.Series, groups: pd.Series) -> Outcomes:
    """A column of labels as outcomes; an empty label is not known."""
    codes, names = _coded(labels)
    known = codes >= 0
    values = (codes[:, None] == np.arange(len(names))).astype(float)
    values[~known] = np.nan
    values, names = (values[:, 1:], names[1:]) if len(names) == 2 else (values, names)
    return Outcomes(values, [str(name) for name in names], pd.factorize(groups)[0], True)


def score_column(values: pd.Series, kind: Kind, outcomes: Outcomes) -> Score:
    """The score of a column; of numbers the better one of their order and of intervals."""
    if kind == "category":
        return score_codes(_coded(values)[0] + 1, outcomes)
    numbers = pd.to_numeric(values.replace("", np.nan), errors="coerce").to_numpy(float)
    in_steps = score_codes(intervals(numbers), outcomes)
    in_order = _auroc(_ordered(numbers, outcomes), outcomes)
    better = np.fmax(in_steps.auroc, in_order)
    return Score(in_steps.names, better, in_steps.errors, in_steps.n, in_steps.counts, in_steps.exclusive)


def out_of_fold(values: pd.Series, kind: Kind, outcomes: Outcomes) -> np.ndarray:
    """What a column says of each case, learned from the other folds, (case, class or label).

    It rises with each class or label. Of numbers it is their order or the interval they are in, whichever is better.
    """
    if kind == "category":
        return _rates(_coded(values)[0] + 1, outcomes)
    numbers = pd.to_numeric(values.replace("", np.nan), errors="coerce").to_numpy(float)
    in_steps, in_order = _rates(intervals(numbers), outcomes), _ordered(numbers, outcomes)
    return np.where(_auroc(in_order, outcomes) > _auroc(in_steps, outcomes), in_order, in_steps)


def score_codes(codes: np.ndarray, outcomes: Outcomes) -> Score:
    """The score of categories, numbered from 0, (case,)."""
    known = ~np.isnan(outcomes.values)
    n, counts = known.sum(axis=0), np.nansum(outcomes.values, axis=0)
    auroc = _auroc(_rates(codes, outcomes), outcomes)
    kept = max(outcomes.independent, 1e-9)
    positive, negative = np.maximum(counts * kept, 1e-9), np.maximum((n - counts) * kept, 1e-9)
    errors = np.sqrt((positive + negative + 1) / (12 * positive * negative))
    return Score(outcomes.names, auroc, errors, n, counts, outcomes.exclusive)


def score_numbers(scores: np.ndarray, outcomes: Outcomes) -> Score:
    """The score of out-of-fold numbers that rise with each class or label, (case, class or label)."""
    shape = score_codes(np.zeros(len(outcomes.groups), int), outcomes)
    return Score(shape.names, _auroc(scores, outcomes), shape.errors, shape.n, shape.counts, shape.exclusive)


def pure_words(values: pd.Series, labels: pd.Series, groups: pd.Series | None = None) -> list[PureWord]:
    """The words of a column that stand for one class alone, far beyond chance, those of most cases first.

    Cases of a group count as one. Empty values and labels are left out.
    """
    table = pd.DataFrame({"word": values.to_numpy(), "label": labels.to_numpy()})
    table["group"] = np.arange(len(table)) if groups is None else groups.to_numpy()
    table = table[table["label"].notna() & (table["label"] != "") & table["word"].notna() & (table["word"] != "")]
    if table["label"].nunique() < 2:
        return []
    once = table.drop_duplicates()
    shares = once["label"].value_counts(normalize=True)
    by_word = table.groupby("word", sort=False)
    pure = by_word["label"].agg(["nunique", "first", "size"])
    pure = pure[pure["nunique"] == 1].join(once.groupby("word").size().rename("groups"))
    chance = shares.loc[pure["first"]].to_numpy() ** pure["groups"].to_numpy()
    pure = pure[chance * by_word.ngroups < PURE].sort_values("size", ascending=False, kind="stable")
    return [PureWord(str(word), str(row["first"]), int(row["size"])) for word, row in pure.iterrows()]


def intervals(numbers: np.ndarray) -> np.ndarray:
    """The interval of each number, those of as many cases each, from 1; 0 where it is missing."""
    known = np.isfinite(numbers)
    bins = int(np.clip(np.sqrt(known.sum()) / 2, 4, MOST_BINS))
    edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, bins + 1)[1:-1])) if known.any() else []
    return np.where(known, 1 + np.searchsorted(edges, np.where(known, numbers, 0), side="right"), 0)


def first_of(codes: np.ndarray) -> np.ndarray:
    """Where each code comes first, of codes numbered by first appearance."""
    return np.flatnonzero(~pd.Series(codes).duplicated())


def ranks_of(numbers: np.ndarray) -> np.ndarray:
    """The rank of each number, from 1; equal ones share the mean of theirs."""
    _, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _coded(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Numbers for words, in their order; -1 for an empty one."""
    return pd.factorize(values.mask(values == ""), sort=True)


def _rates(codes: np.ndarray, outcomes: Outcomes) -> np.ndarray:
    """The share of each class or label among the cases of other folds with the same code, (case, class or label).

    It is compared with that of all cases of those folds, for theirs is the lower, the higher that of the fold itself.
    """
    size = int(codes.max(initial=0)) + 1
    place = codes * FOLDS + outcomes.fold
    found = np.empty(outcomes.values.shape)
    for column, values in enumerate(outcomes.values.T):
        known = ~np.isnan(values)
        counts = np.bincount(place[known], minlength=size * FOLDS).reshape(size, FOLDS)
        positive = np.bincount(place[known], values[known], minlength=size * FOLDS).reshape(size, FOLDS)
        others, positive = (each.sum(axis=1, keepdims=True) - each for each in (counts, positive))
        prior = positive.sum(axis=0) / np.maximum(others.sum(axis=0), 1)
        rate = (positive + PRIOR * prior) / (others + PRIOR)
        found[:, column] = (rate - prior)[codes, outcomes.fold]
    return found


def _ordered(numbers: np.ndarray, outcomes: Outcomes) -> np.ndarray:
    """Ranks of numbers, turned so that they rise with a class or label in the other folds, (case, class or label)."""
    known = np.isfinite(numbers)
    ranks = np.zeros(len(numbers))
    ranks[known] = ranks_of(numbers[known]) / max(known.sum(), 1) - 0.5
    found = np.empty(outcomes.values.shape)
    for column, values in enumerate(outcomes.values.T):
        positive = values == 1
        for fold in range(FOLDS):
            others = (outcomes.fold != fold) & known & ~np.isnan(values)
            first, second = ranks[others & positive], ranks[others & ~positive]
            rises = len(first) == 0 or len(second) == 0 or first.mean() >= second.mean()
            of_fold = outcomes.fold == fold
            found[of_fold, column] = ranks[of_fold] if rises else -ranks[of_fold]
    return found


def _auroc(scores: np.ndarray, outcomes: Outcomes) -> np.ndarray:
    """The AUROC of each class or label over its known cases, (class or label,)."""
    found = np.full(scores.shape[1], np.nan)
    for column, values in enumerate(outcomes.values.T):
        known = ~np.isnan(values)
        if len(np.unique(values[known])) > 1:
            found[column] = Ranking(values[known], scores[known, column], np.ones((1, known.sum()))).auroc()[0]
    return found

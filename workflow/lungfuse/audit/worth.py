"""What a flaw is worth: the same test rows by a model that learned with the flaw, and by a matched one without.

A flaw of the split: test rows are dealt into blocks by what they share. For each block one model learns without the
training rows that share it, another without as many other rows of the same classes, in whole groups as far as that
goes. So both arms have the same test rows, sizes and class shares, and differ in the flaw alone.
A flaw of a column: the same split, with the column and without.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lungfuse.audit.audited import Audited
from lungfuse.audit.flaws import Flaw
from lungfuse.audit.model import Matrix, scores_of
from lungfuse.audit.scores import Estimate, Resampled
from lungfuse.ingest.sides import Part
from lungfuse.statistics.splits import dealt_folds, drawn_by_group

BLOCKS, BLOCKS_OF_FOLD = 5, 2
MOST_ROWS = 20_000
FEWEST = 5  # test rows that have a flaw


@dataclass(frozen=True)
class Trial:
    """How worth is measured: how often anew, on how many resamples."""

    draws: int
    resamples: int
    seed: int


class Worth:
    """Measures flaws of a table on the features of its model."""

    def __init__(self, data: Audited, matrix: Matrix, trial: Trial) -> None:
        self.data, self.matrix, self.trial = data, matrix, trial
        self.values = data.outcomes.values
        self.kept = np.ones(len(data), bool)
        if len(data) > MOST_ROWS:
            self.kept = drawn_by_group(data.groups, trial.seed) < MOST_ROWS / len(data)
        self.kept &= ~np.isnan(self.values).all(axis=1)
        self.parts = [Part(part.name, *(rows[self.kept[rows]] for rows in (part.train, part.validation, part.test)))
                      for part in data.split.parts]  # fmt: skip
        self.test = np.concatenate([part.test for part in self.parts])
        fold = np.concatenate([np.full(len(part.test), number) for number, part in enumerate(self.parts)])
        self.resampled = Resampled(self.values[self.test], fold, data.groups[self.test], trial.resamples, trial.seed)
        self._as_given: np.ndarray | None = None

    def refusal(self) -> str:
        """Why nothing can be measured on this split; empty where it can."""
        if not self.matrix.values.shape[1]:
            return "no column, text or image is left that a model could read"
        for part in self.parts:
            if len(np.unique(self.data.asked.words.iloc[part.train])) < 2:
                return f"what {part.name} learned from has one class alone"
        if not any(self._has_both(part.test) for part in self.parts):
            return "no test part has two classes"
        return ""

    def _has_both(self, rows: np.ndarray) -> bool:
        values = self.values[rows]
        return bool(((values == 1).any(axis=0) & (values == 0).any(axis=0)).any())

    def as_given(self) -> Estimate:
        """The AUROC of the model on their split as it is."""
        return self.resampled.aurocs(self._given(self.matrix.values).mean(axis=0))[0]

    def of_columns(self, columns: set[str], gaps_alone: bool) -> tuple[float, Estimate]:
        """The AUROC without some columns, or without knowing where they are empty, and what these add."""
        if self._as_given is None:
            self._as_given = self._given(self.matrix.values)
        return self.resampled.difference(self._as_given, self._given(self.matrix.without(columns, gaps_alone)))

    def of_flaw(self, flaw: Flaw) -> tuple[float, Estimate]:
        """The AUROC of the matched control without what is shared, and what the flaw adds."""
        drawn = [self._arms(flaw.unit, draw) for draw in range(self.trial.draws)]
        control, flawed = np.stack(drawn, axis=1)
        return self.resampled.difference(flawed, control)

    def _given(self, features: np.ndarray) -> np.ndarray:
        """The scores of the test rows on the split as it is, (draw, test row, label)."""
        return np.stack([
            np.concatenate([
                scores_of(features, self.values, part.train, part.test, self.trial.seed + draw) for part in self.parts
            ])
            for draw in range(self.trial.draws)
        ])  # fmt: skip

    def _arms(self, unit: np.ndarray, draw: int) -> np.ndarray:
        """The scores without and with what is shared, (arm, test row, label)."""
        seed, arms = self.trial.seed + draw, ([], [])
        rng = np.random.default_rng(seed)
        for part in self.parts:
            blocks = BLOCKS_OF_FOLD if self.data.split.crossed else BLOCKS
            alone = np.where(unit < 0, unit.max(initial=0) + 1 + np.arange(len(unit)), unit)[part.test]
            block = dealt_folds(alone, self.values[part.test], blocks)
            scores = np.zeros((2, len(part.test), self.values.shape[1]))
            for number in np.unique(block):
                tested = block == number
                for arm, train in enumerate(self._matched(unit, part.train, part.test[tested], rng)):
                    scores[arm, tested] = scores_of(self.matrix.values, self.values, train, part.test[tested], seed)
            for arm, found in zip(arms, scores, strict=True):
                arm.append(found)
        return np.stack([np.concatenate(arm) for arm in arms])

    def _matched(
        self, unit: np.ndarray, train: np.ndarray, test: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Training rows without those that share a unit with the test rows, and as many of each class with them."""
        of_test = unit[test]
        shares = np.isin(unit[train], of_test[of_test >= 0])
        classes = pd.factorize(self.data.asked.words)[0]
        dropped = drop_alike(classes[train], self.data.groups[train], shares, rng)
        return train[~shares], train[~dropped]


def drop_alike(classes: np.ndarray, groups: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows to drop in place of those that share something: as many of each class, bool (row,).

    Whole groups are dropped as long as they fit, then single rows, and those that share something only where no others
    of their class are left.
    """
    needed = np.bincount(classes[shares], minlength=classes.max(initial=0) + 1)
    dropped = np.zeros(len(classes), bool)
    others = np.flatnonzero(~shares)
    order = others[np.argsort(rng.random(int(groups.max(initial=0)) + 1)[groups[others]], kind="stable")]
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else []:
        if not needed.any():
            break
        counts = np.bincount(classes[rows], minlength=len(needed))
        if (counts <= needed).all():
            dropped[rows] = True
            needed = needed - counts
    for number in np.flatnonzero(needed):
        left = np.flatnonzero(~dropped & (classes == number))
        left = left[np.lexsort([rng.random(len(left)), shares[left]])]
        dropped[left[: needed[number]]] = True
    return dropped

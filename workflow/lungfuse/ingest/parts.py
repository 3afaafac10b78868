"""The repeats and folds of a study: what is learned from, what it is validated on, and what is tested."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.statistics.splits import parts_of
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Folds, Pairs, Validation
from lungfuse.tasks import Task

UNTESTED = -1  # in place of a fold: a pair that is learned from alone
REPEAT = 1000  # between the seeds of one repeat and the next; there are fewer folds


def seed_of_repeat(seed: int, repeat: int) -> int:
    """The seed of all that is drawn anew in a repeat; that of repeat 0 is the study's own."""
    return seed + REPEAT * repeat


@dataclass(frozen=True)
class Split:
    """The tables `Pairs`, `Folds` and `Validation` of a study."""

    pairs: pd.DataFrame
    folds: pd.DataFrame
    validation: pd.DataFrame

    def of_repeat(self, repeat: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The pairs with the folds of a repeat, and its rows of `Validation`."""
        return in_repeat(self.pairs, self.folds, repeat), self.validation[self.validation["repeat"] == repeat]


def tested(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs that a fold tests."""
    return pairs[pairs["fold"] != UNTESTED].reset_index(drop=True)


def folds_of(pairs: pd.DataFrame) -> list[int]:
    """The folds that test pairs, in order."""
    return sorted(int(fold) for fold in set(pairs["fold"]) - {UNTESTED})


def read_split(files: dict[str, Path]) -> Split:
    """The tables that the stage `split` has written, see `Layout.split`."""
    return Split(
        read_table(files["pairs"], Pairs),
        read_table(files["fold_table"], Folds),
        read_table(files["validation"], Validation),
    )


def in_repeat(pairs: pd.DataFrame, folds: pd.DataFrame, repeat: int) -> pd.DataFrame:
    """`Pairs` with the folds that `Folds` has for a repeat.

    Raises:
        UserError: it lacks the repeat, or a pair.
    """
    fold = folds[folds["repeat"] == repeat].set_index("pair_id")["fold"].reindex(pairs["pair_id"])
    if fold.isna().any():
        raise UserError(
            f"folds.csv: has no fold in repeat {repeat} for {fold.isna().sum():,} of {len(pairs):,} pairs. Set "
            f"split.repeats to {repeat + 1} or more, and run the stage `split` again."
        )
    return pairs.assign(fold=fold.to_numpy(int))


def fold_indices(pairs: pd.DataFrame, validation: pd.DataFrame, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in `pairs` to learn from, to validate on and to test in a fold, both of one repeat: see `Split`."""
    test = (pairs["fold"] == fold).to_numpy()
    validated = pairs["pair_id"].isin(validation.loc[validation["fold"] == fold, "pair_id"]).to_numpy()
    return tuple(map(np.flatnonzero, [~test & ~validated, validated, test]))


def inner_indices(
    pairs: pd.DataFrame, strata: np.ndarray, learned: np.ndarray, number: int, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions to learn from and to score in one of `count` inner trainings on the pairs at the positions `learned`.

    As in the folds of a study no group is on both sides; `strata` is 0 or 1, (pair, stratum).
    """
    chosen = pairs.iloc[learned]
    scored = parts_of(strata[learned], chosen["site"], chosen["group"], count, seed)[number]
    return np.delete(learned, scored), learned[scored]


def without_test_labels(pairs: pd.DataFrame, fold: int, task: Task) -> pd.DataFrame:
    """Pairs of which the labels of those that are tested in a fold are not known."""
    tested = pairs["fold"] == fold
    return pairs.assign(**{name: pairs[name].astype("Float64").mask(tested) for name in task.columns("label")})

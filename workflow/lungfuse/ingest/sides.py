"""The split of a table: which rows each model learned from, and which it was tested on."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.vocabulary import NO, YES, tokens
from lungfuse.words import counted, listed

TRAIN = {"train", "training", "tr", "trn", "learn", "learning", "fit", "discovery"}
VALIDATION = {"val", "valid", "validation", "validate", "dev", "development", "tune", "tuning", "vl"}
TEST = {"test", "testing", "te", "tst", "ts", "eval", "evaluation", "holdout", "heldout", "hold-out", "held-out"}
NUMBERED = re.compile(r"(?:fold|cv|split|part|set|group|f|k)?[\s_.-]*(\d+)(?:\.0+)?", re.IGNORECASE)
EXPECTED = "train, val and test, or fold numbers"


@dataclass(frozen=True)
class Part:
    """One model of a protocol: numbers of the rows it learned from, was validated on and was tested on."""

    name: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Split:
    """The parts of a split, and a sentence on how its column was read; a row is tested in one part at most."""

    column: str
    parts: list[Part]
    said: str

    @property
    def tested(self) -> np.ndarray:
        """The rows that are tested, in the order of the parts."""
        return np.concatenate([part.test for part in self.parts])

    @property
    def crossed(self) -> bool:
        """Whether the parts are folds, each tested by a model of the others."""
        return len(self.parts) > 1


def split_of(cells: pd.Series, source: object) -> Split:
    """The split that a column of words or fold numbers says; `source` is the table, for messages.

    Raises:
        UserError: a cell is empty or says neither side nor fold, or one side has no rows.
    """
    name = str(cells.name)
    empty = np.flatnonzero(cells == "")
    if len(empty):
        raise UserError(
            f"{source}: column {name}, row {empty[0] + 1} below the header: is empty, as are "
            f"{counted(len(empty), 'cell')} of {len(cells):,}; expected {EXPECTED}. Fill them, or take the rows out."
        )
    words = cells.str.casefold()
    if sides := _sides_by_yes(name, words):
        return _of_sides(name, sides[0], sides[1], source)
    known = {word: _side(word) for word in words.unique()}
    for word, side in known.items():
        if side is None:
            row = int(np.flatnonzero(words == word)[0])
            raise UserError(
                f"{source}: column {name}, row {row + 1} below the header: found {cells.iloc[row]!r}, expected "
                f"{EXPECTED}. Its words are {listed(map(repr, cells.unique()))}. Name the column of the split with "
                "--split, or write its words so."
            )
    side = words.map(known)
    if set(known.values()) == {"fold"}:
        return _of_folds(name, words, source)
    side = side.replace("fold", "train")  # numbered folds beside a test part: all of them were learned from
    return _of_sides(name, side, f"{name}: " + ", ".join(_counted_sides(side)), source)


def are_sides(words: Iterable[str]) -> bool:
    """Whether words say train and test, and nothing else."""
    found = set()
    for word in words:
        side = _side(word.casefold())
        if side in (None, "fold"):
            return False
        found.add(side)
    return {"train", "test"} <= found


def _side(word: str) -> str | None:
    for side, names in {"train": TRAIN, "validation": VALIDATION, "test": TEST}.items():
        if word.strip() in names or set(tokens(word)) & names:
            return side
    return "fold" if NUMBERED.fullmatch(word) else None


def _sides_by_yes(name: str, words: pd.Series) -> tuple[pd.Series, str] | None:
    """The sides that a column such as is_test says with yes and no."""
    named = {*tokens(name)} & (TRAIN | TEST)
    if not named or not set(words) <= YES | NO or words.nunique() < 2:
        return None
    yes, no = ("test", "train") if named & TEST else ("train", "test")
    side = words.isin(YES).map({True: yes, False: no})
    return side, f"{name} says yes to {yes}: " + ", ".join(_counted_sides(side))


def _counted_sides(side: pd.Series) -> list[str]:
    counts = side.value_counts()
    return [f"{counts[each]:,} {each}" for each in ["train", "validation", "test"] if each in counts]


def _of_sides(name: str, side: pd.Series, said: str, source: object) -> Split:
    rows = {each: np.flatnonzero(side == each) for each in ["train", "validation", "test"]}
    for each in ["train", "test"]:
        if not len(rows[each]):
            raise UserError(
                f"{source}: column {name}: found {said.partition(': ')[2]} rows and none to {each}; expected "
                f"{EXPECTED}. Write which rows were learned from and which were tested on."
            )
    return Split(name, [Part("test", rows["train"], rows["validation"], rows["test"])], f"{said} rows")


def _of_folds(name: str, words: pd.Series, source: object) -> Split:
    number = words.map(lambda word: int(NUMBERED.fullmatch(word)[1]))
    folds = sorted(number.unique())
    if len(folds) < 2:
        raise UserError(
            f"{source}: column {name}: is {folds[0]} in every row; expected {EXPECTED}. Name the column of the split."
        )
    if len(folds) > max(len(number) / 2, 2):
        raise UserError(
            f"{source}: column {name}: has {len(folds):,} different numbers in {len(number):,} rows; expected a few "
            "folds. Name the column of the split with --split."
        )
    none = np.zeros(0, int)
    parts = [
        Part(f"fold {fold}", np.flatnonzero(number != fold), none, np.flatnonzero(number == fold)) for fold in folds
    ]
    sizes = ", ".join(f"{len(part.test):,}" for part in parts[:10])
    said = f"{name}: {len(folds)} folds of {sizes} rows, each tested by a model that learned from the others"
    return Split(name, parts, said)

"""A split that somebody else has fixed: folds or a test part by a column of the table, or a test part by date."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lungfuse.cell_forms import days_of
from lungfuse.errors import UserError
from lungfuse.ingest.parts import UNTESTED
from lungfuse.ingest.sides import Split as Sides
from lungfuse.ingest.sides import split_of
from lungfuse.settings.ingest import SplitSettings
from lungfuse.vocabulary import NO, YES
from lungfuse.words import counted


@dataclass(frozen=True)
class OwnSplit:
    """The fold that tests each pair, `UNTESTED` where none does, and the pairs to validate on, or None to draw some."""

    fold: pd.Series
    validated: pd.Series | None = None


def own_split(pairs: pd.DataFrame, split: SplitSettings) -> OwnSplit:
    """The folds that the column of a study or its dates say.

    Raises:
        UserError: the column or date is missing or cannot be read, there are other than `split.folds` folds, or groups
            are on both sides and the study does not allow it.
    """
    found = _by_date(pairs, split) if split.by == "date" else _by_column(pairs, split)
    folds = int(found.fold.max()) + 1
    if folds != split.folds:
        what = "a fixed test part is one fold" if folds == 1 else f"the column has {folds} folds"
        raise UserError(f"split.folds: found {split.folds}, but {what}. Set split.folds to {folds}.")
    if split.groups == "refused":
        _check_groups(pairs, found.fold)
    return found


def crossing(group: pd.Series, fold: pd.Series) -> pd.Series:
    """Whether each pair is of a group that is tested by a model which has learned from the group; bool of (pair,)."""
    return fold.groupby(group.to_numpy()).transform("nunique") > 1


def _by_column(pairs: pd.DataFrame, split: SplitSettings) -> OwnSplit:
    where, heading = ("split.test", split.test) if split.test else ("split.column", split.column)
    if "own_split" not in pairs:
        raise UserError(f"{where}: found {heading!r}, but the dataset has no such column. Name one of a table's.")
    cells = pairs["own_split"].rename(heading)
    if split.test and {*cells.str.casefold()} <= YES | NO:
        cells = cells.str.casefold().isin(YES).map({True: "test", False: "train"}).rename(heading)
    try:
        sides = split_of(cells, where)
    except UserError as error:
        raise UserError(str(error).replace(" with --split", f" with {where}")) from None
    if split.test and sides.crossed:
        raise UserError(
            f"split.test: the column {heading} has {len(sides.parts)} folds, expected train and test, or yes and no. "
            "Say "
            f"split: {{column: {heading}, folds: {len(sides.parts)}}}."
        )
    return _as_folds(pairs, sides)


def _as_folds(pairs: pd.DataFrame, sides: Sides) -> OwnSplit:
    fold = np.full(len(pairs), UNTESTED)
    validated = np.zeros(len(pairs), bool)
    for number, part in enumerate(sides.parts):
        fold[part.test] = number
        validated[part.validation] = True
    said = pd.Series(validated, pairs.index) if validated.any() else None
    return OwnSplit(pd.Series(fold, pairs.index), said)


def _by_date(pairs: pd.DataFrame, split: SplitSettings) -> OwnSplit:
    if "date" not in pairs:
        raise UserError("split.by: found date, but the dataset names no date. Name its column with table.date.")
    days = pd.to_numeric(days_of(pairs["date"]), errors="coerce")
    if lost := int(days.isna().sum()):
        first = pairs["pair_id"][days.isna()].iloc[0]
        raise UserError(
            f"split.by: found date, but {lost:,} of {len(pairs):,} pairs have no date that can be read, {first} first. "
            "Fill the column, or leave these rows out with table.rows."
        )
    if split.after is not None:
        cut = float(days_of(pd.Series([split.after])).iloc[0])
        late = days >= cut
    else:
        late = days > days.quantile(1 - split.test_share, interpolation="lower")
    if late.all() or not late.any():
        spans = pd.to_datetime(pd.Series([days.min(), days.max()]), unit="D").dt.strftime("%Y-%m-%d")
        raise UserError(
            f"split.after: leaves {counted(int(late.sum()), 'pair')} of {len(pairs):,} to test; the dates are from "
            f"{spans[0]} to {spans[1]}. Set a day between."
        )
    return OwnSplit(late.map({True: 0, False: UNTESTED}))


def _check_groups(pairs: pd.DataFrame, fold: pd.Series) -> None:
    crosses = crossing(pairs["group"], fold)
    if not crosses.any():
        return
    first = pairs.assign(fold=fold)[crosses & (pairs["group"] == pairs["group"][crosses].iloc[0])]
    one, other = first.drop_duplicates("fold").iloc[:2].itertuples()
    raise UserError(
        f"split: {pairs['group'][crosses].nunique():,} groups, with {int(crosses.sum()):,} of {len(pairs):,} pairs, "
        "share a "
        f"patient, a text or a mark across its parts, such as {one.pair_id} and {other.pair_id}: a model would be "
        "tested on "
        "what it has learned from. Fix the column; or, where the protocol has it so, say split: {groups: allowed}, "
        "which "
        "the report names. `lungfuse audit --split` measures what it adds to a score."
    )

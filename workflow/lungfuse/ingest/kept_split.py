"""Folds of a study to which cases were added: its own cases stay where they were, so that scores can be paired."""

from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.ingest.parts import Split, seed_of_repeat
from lungfuse.settings.ingest import SplitSettings
from lungfuse.statistics.splits import parts_of
from lungfuse.tables.base import columns, read_table
from lungfuse.tables.ingest import Folds, Validation
from lungfuse.tasks import Task

SHOWN = 3  # cases of a message


def kept_split(candidates: pd.DataFrame, kept: tuple[Path, Path], split: SplitSettings, seed: int, task: Task) -> Split:
    """The folds and validation pairs of all repeats, by the tables `Folds` and `Validation` from before cases came.

    An added case goes where its group is; those of new groups are dealt to the folds, stratified by label. None of
    these is validated on.

    Raises:
        UserError: a case of the study is gone, or an added case joins groups that stand in different folds.
    """
    folds, validated = read_table(kept[0], Folds), read_table(kept[1], Validation)
    found_folds, found_validated = [], []
    for repeat in range(split.repeats):
        before = folds[folds["repeat"] == repeat].set_index("pair_id")["fold"]
        if gone := sorted(set(before.index) - set(candidates["pair_id"])):
            raise UserError(
                f"{kept[0]}: {len(gone)} cases are in the study no more, such as {gone[0]}; expected all of them. "
                "Added cases may not change which others are chosen: see filter.balance."
            )
        fold = _folds(candidates, before, kept[0], split.folds, (seed_of_repeat(seed, repeat), task))
        pairs = candidates.assign(fold=fold, repeat=repeat)
        found_folds.append(pairs[columns(Folds)])
        found_validated.append(_validation(pairs, validated[validated["repeat"] == repeat]))
    first = found_folds[0]["fold"]
    return Split(candidates.assign(fold=first), pd.concat(found_folds), pd.concat(found_validated))


def _folds(
    candidates: pd.DataFrame, before: pd.Series, source: Path, folds: int, drawn: tuple[int, Task]
) -> np.ndarray:
    """The fold of each candidate, (case,)."""
    fold, groups = candidates["pair_id"].map(before), candidates["group"]
    of_group = fold.groupby(groups).agg(["min", "max"])
    torn = of_group.index[of_group["min"] < of_group["max"]]
    joining = candidates["pair_id"][fold.isna() & groups.isin(torn)]
    if len(joining):
        raise UserError(
            f"{source}: {', '.join(joining[:SHOWN])} joins cases of the study that are in different folds, as by a "
            "patient and a text. Leave it out, or correct its patient."
        )
    found = fold.fillna(groups.map(of_group["min"]))
    new = np.flatnonzero(found.isna())
    seed, task = drawn
    if len(new):
        strangers = candidates.iloc[new]
        parts = parts_of(task.strata(task.targets(strangers)), strangers["site"], strangers["group"], folds, seed)
        for number, part in enumerate(parts):
            found.iloc[new[part]] = number
    return found.to_numpy(int)


def _validation(pairs: pd.DataFrame, validated: pd.DataFrame) -> pd.DataFrame:
    """The pairs to validate on as before, and those that were added to their groups."""
    group = pairs.set_index("pair_id")["group"]
    joined = [
        pairs[pairs["group"].isin(group.loc[part["pair_id"]])].assign(fold=fold)
        for fold, part in validated.groupby("fold")
    ]
    return pd.concat(joined)[columns(Validation)]

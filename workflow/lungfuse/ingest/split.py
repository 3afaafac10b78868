"""Candidate pairs to the pairs of the study, each with the fold that tests it and the folds it is validated in."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from lungfuse.errors import UserError
from lungfuse.settings import SplitSettings
from lungfuse.tables import Candidates, Funnel, Pairs, Rejected, Validation, read_table, write_table


def main(
    *,
    split: SplitSettings,
    seed: int,
    rejected_share: float,
    candidates: Path,
    funnel: Path,
    rejected: Path,
    pairs: Path,
    validation: Path,
) -> None:
    """Assign stratified, grouped folds, unless too much of the input was rejected.

    Parameters
    ----------
    split
        Number of folds, and the share of the training folds to validate on.
    seed
        Seed of the shuffle.
    rejected_share
        Largest share of the reports, and of the pairs' images, that may be unusable.
    candidates
        Table of candidate pairs.
    funnel
        Table of what was left after each filter.
    rejected
        Table of what was rejected; named when there is too much of it.
    pairs
        Output: the pairs with their folds.
    validation
        Output: the pairs of the other folds that each fold's models are validated on.
    """
    steps = read_table(funnel, Funnel).set_index("step")["count"]
    check_rejected(steps, read_table(rejected, Rejected), rejected_share, rejected)
    table = read_table(candidates, Candidates)
    table["fold"] = assign_folds(table, split.folds, seed)
    validated = assign_validation(table, split, seed)
    write_table(table, pairs, Pairs)
    write_table(validated, validation, Validation)
    counts = table.groupby("fold")["label"].agg(["size", "sum"])
    print("\n".join(f"fold {fold}: {row['size']} pairs, {row['sum']} positive" for fold, row in counts.iterrows()))


def check_rejected(steps: pd.Series, rejected: pd.DataFrame, allowed: float, source: Path) -> None:
    """Raise UserError when the share of unusable reports, or of pairs without a readable image, is above `allowed`."""
    bad_reports = int((rejected["what"] == "report").sum())
    losses = {"reports cannot be used": (bad_reports, int(steps["reports"]) + bad_reports)}
    if "with a readable image" in steps:
        before = int(steps.iloc[list(steps.index).index("with a readable image") - 1])
        losses["pairs have no readable image"] = (before - int(steps["with a readable image"]), before)
    for what, (lost, total) in losses.items():
        if lost > allowed * total:
            raise UserError(
                f"{source}: {lost:,} of {total:,} {what} ({lost / total:.1%}, allowed {allowed:.1%}). "
                "Mend the raw files; the table names each and says why. To go on without them, raise rejected_share."
            )


def assign_folds(candidates: pd.DataFrame, folds: int, seed: int) -> pd.Series:
    """The test fold of each row, 0 to folds - 1: stratified by label and site, no group in two folds.

    Raises:
        UserError: a class has fewer groups than there are folds.
    """
    groups = candidates.groupby("label")["group"].nunique().reindex([0, 1], fill_value=0)
    if groups.min() < folds:
        raise UserError(
            f"split.folds: found {folds}, but label {groups.idxmin()} has {groups.min()} groups of pairs; expected at "
            "least one a fold. Set fewer folds, or check results/<study>/funnel.csv for the filter that left so few."
        )
    fold = pd.Series(0, index=candidates.index)
    for number, test in enumerate(_parts(candidates, folds, seed)):
        fold.iloc[test] = number
    return fold


def assign_validation(pairs: pd.DataFrame, split: SplitSettings, seed: int) -> pd.DataFrame:
    """The table `Validation`: of the pairs that are not of a fold about a share, stratified as folds are, no group cut.

    Raises:
        UserError: in a fold, the pairs to validate on or those to learn from are of one class.
    """
    parts = []
    for fold in range(split.folds):
        others = pairs[pairs["fold"] != fold]
        validated = others.iloc[_parts(others, round(1 / split.validation), seed + fold)[0]]
        learned = others[~others["pair_id"].isin(validated["pair_id"])]
        for part, purpose in [(validated, "validate on"), (learned, "learn from")]:
            if part["label"].nunique() < 2:
                raise UserError(
                    f"split.validation: found {split.validation:g}, but in fold {fold} the {len(part)} pairs to "
                    f"{purpose} are of one class; expected some of each. Set another share, fewer folds, or add pairs."
                )
        parts.append(validated.assign(fold=fold))
    return pd.concat(parts)


def _parts(pairs: pd.DataFrame, count: int, seed: int) -> list[np.ndarray]:
    """Positions of pairs in so many parts: stratified by label and site, no group in two of them."""
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    strata = pairs["label"].astype(str) + pairs["site"]
    return [part for _, part in splitter.split(pairs, strata, pairs["group"])]


def positions(pairs: pd.DataFrame, validation: pd.DataFrame, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in `pairs` to learn from, to validate on and to test in a fold, from the table `Validation`."""
    test = (pairs["fold"] == fold).to_numpy()
    validated = pairs["pair_id"].isin(validation.loc[validation["fold"] == fold, "pair_id"]).to_numpy()
    return tuple(map(np.flatnonzero, [~test & ~validated, validated, test]))

"""Candidate pairs to the pairs of the study, each with the fold that tests it and the folds it is validated in."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from lungfuse.errors import UserError
from lungfuse.ingest.filter import normalise
from lungfuse.settings.ingest import SplitSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import Candidates, Funnel, Pairs, Rejected, Validation

LARGE_GROUP = 0.25  # of a fold
UNEVEN = 1.25  # the largest fold in units of the smallest


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
    steps = read_table(funnel, Funnel)
    check_rejected(steps.set_index("step")["count"], read_table(rejected, Rejected), rejected_share, rejected)
    table = read_table(candidates, Candidates)
    check_groups(table, split.folds, steps, funnel)
    table["fold"] = assign_folds(table, split.folds, seed)
    validated = assign_validation(table, split, seed)
    write_table(table, pairs, Pairs)
    write_table(validated, validation, Validation)
    counts = table.groupby("fold")["label"].agg(["size", "sum"])
    for warning in warnings_of(table, split.folds):
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(f"fold {fold}: {row['size']} pairs, {row['sum']} positive" for fold, row in counts.iterrows()))


def check_rejected(steps: pd.Series, rejected: pd.DataFrame, allowed: float, source: Path) -> None:
    """Raise UserError when the share of unusable reports, of images without a view, or of pairs without a readable
    image is above `allowed`."""
    bad_reports = rejected["id"][rejected["what"] == "report"].nunique()
    losses = {
        "reports cannot be used": (bad_reports, int(steps["reports found"])),
        "images have no view that is known": (int(steps["images"] - steps["images with a view"]), int(steps["images"])),
    }
    if "with a readable image" in steps:
        before = int(steps.iloc[list(steps.index).index("with a readable image") - 1])
        losses["pairs have no readable image"] = (before - int(steps["with a readable image"]), before)
    for what, (lost, total) in losses.items():
        if lost > allowed * total:
            raise UserError(
                f"{source}: {lost:,} of {total:,} {what} ({lost / total:.1%}, allowed {allowed:.1%}). "
                "Mend the raw files; the table names each and says why. To go on without them, raise rejected_share."
            )


def check_groups(candidates: pd.DataFrame, folds: int, steps: pd.DataFrame, source: Path) -> None:
    """Raise UserError when a class has fewer groups than there are folds; says which of the `steps` has left so few."""
    groups = candidates.groupby("label")["group"].nunique().reindex([0, 1], fill_value=0)
    if groups.min() < folds:
        label = int(groups.idxmin())
        left = steps.set_index("step")[["negative", "positive"][label]].dropna()
        raise UserError(
            f"{source}: class {label} has {groups[label]} groups of pairs, fewer than split.folds, which is {folds}. "
            f"Of this class each step has left: {', '.join(f'{count:,} {step}' for step, count in left.items())}. "
            "Mend the step that loses most; where the data are so few, set fewer folds."
        )


def assign_folds(candidates: pd.DataFrame, folds: int, seed: int) -> pd.Series:
    """The test fold of each row, 0 to folds - 1: stratified by label and site, no group in two folds."""
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
    """Positions of pairs in so many parts: stratified by label and site, no group in two of them.

    A site with fewer pairs of a class than there are parts cannot be spread over them; it counts as no site.
    """
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    strata = pairs["label"].astype(str) + pairs["site"]
    strata = strata.mask(strata.map(strata.value_counts()) < count, pairs["label"].astype(str))
    return [part for _, part in splitter.split(pairs, strata, pairs["group"])]


def positions(pairs: pd.DataFrame, validation: pd.DataFrame, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in `pairs` to learn from, to validate on and to test in a fold, from the table `Validation`."""
    test = (pairs["fold"] == fold).to_numpy()
    validated = pairs["pair_id"].isin(validation.loc[validation["fold"] == fold, "pair_id"]).to_numpy()
    return tuple(map(np.flatnonzero, [~test & ~validated, validated, test]))


def warnings_of(pairs: pd.DataFrame, folds: int) -> list[str]:
    """What is odd about groups and folds: a group that is large for a fold, with the text that joins it, and folds of
    uneven size."""
    found = []
    sizes, fold_sizes = pairs["group"].value_counts(), pairs["fold"].value_counts()
    for group, size in sizes[sizes > LARGE_GROUP * len(pairs) / folds].items():
        reports = pairs[pairs["group"] == group].drop_duplicates("report_id")
        said = reports["text"].groupby(normalise(reports["text"])).agg(["size", "first"]).sort_values("size").iloc[-1]
        found.append(
            f"{size:,} of {len(pairs):,} pairs are one group, which shares patients or texts and stays in one fold; "
            f"{said['size']:,} of its {len(reports):,} reports say {said['first'][:80]!r}. If such a text stands for "
            "none, leave it empty in the adapter"
        )
    if fold_sizes.max() > UNEVEN * fold_sizes.min():
        found.append(f"the folds hold {fold_sizes.min():,} to {fold_sizes.max():,} pairs, since groups stay whole")
    return found

"""Candidate pairs to the pairs of the study, each with the fold that tests it."""

import sys
from pathlib import Path

import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from lungfuse.errors import UserError
from lungfuse.ingest.filter import normalise
from lungfuse.settings import SplitSettings
from lungfuse.tables import Candidates, Funnel, Pairs, Rejected, read_table, write_table

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
) -> None:
    """Assign stratified, grouped folds, unless too much of the input was rejected.

    Parameters
    ----------
    split
        Number of folds.
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
    """
    steps = read_table(funnel, Funnel)
    check_rejected(steps.set_index("step")["count"], read_table(rejected, Rejected), rejected_share, rejected)
    table = read_table(candidates, Candidates)
    check_groups(table, split.folds, steps, funnel)
    table["fold"] = assign_folds(table, split.folds, seed)
    write_table(table, pairs, Pairs)
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
    """The test fold of each row, 0 to folds - 1: stratified by label and site, no group in two folds.

    A site with fewer pairs of a class than there are folds cannot be spread over them; it counts as no site.
    """
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    strata = candidates["label"].astype(str) + candidates["site"]
    rare = strata.map(strata.value_counts()) < folds
    strata = strata.mask(rare, candidates["label"].astype(str))
    fold = pd.Series(0, index=candidates.index)
    for number, (_, test) in enumerate(splitter.split(candidates, strata, candidates["group"])):
        fold.iloc[test] = number
    return fold


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

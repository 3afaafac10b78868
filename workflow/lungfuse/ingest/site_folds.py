"""Folds that are sites: a fold tests all pairs of one, and its models have learned from the others."""

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.ingest.limits import wanted
from lungfuse.tasks import Task


def site_folds(candidates: pd.DataFrame, folds: int, task: Task) -> pd.Series:
    """The test fold of each row: the place of its site among all in alphabetical order.

    Raises:
        UserError: a pair has no site, there are fewer than two or other than `folds`, a group is of several, or a site
            lacks a class.
    """
    sites = candidates["site"]
    _check_sites(sites, folds)
    _check_groups(candidates)
    _check_classes(candidates, task)
    return sites.map({site: number for number, site in enumerate(sorted(sites.unique()))})


def _check_sites(sites: pd.Series, folds: int) -> None:
    if (lacks := int((sites == "").sum())) and lacks < len(sites):
        raise UserError(
            f"split.by: found site, but {lacks:,} of {len(sites):,} pairs name no site, so they can neither be left "
            "out nor learned from. Fill the column of sites, or say `by: group`."
        )
    counts = sites.value_counts().sort_index()
    found = ", ".join(f"{site or 'none named'} ({count:,} pairs)" for site, count in counts.items())
    if len(counts) < 2:
        raise UserError(
            f"split.by: found site, but the pairs are of one site: {found}; expected two or more, to learn from some "
            "and test on another. Say `by: group`."
        )
    if len(counts) != folds:
        raise UserError(
            f"split.folds: found {folds}, but with `by: site` each site is a fold, and the pairs are of {len(counts)}: "
            f"{found}. Set split.folds to {len(counts)}."
        )


def _check_groups(candidates: pd.DataFrame) -> None:
    of_group = candidates.groupby("group")["site"]
    spans = of_group.transform("nunique") > 1
    if spans.any():
        first = candidates[spans & (candidates["group"] == candidates["group"][spans].iloc[0])]
        one, other = first.drop_duplicates("site").iloc[:2].itertuples()
        raise UserError(
            f"split.by: found site, but {of_group.nunique().gt(1).sum():,} groups, with {spans.sum():,} of "
            f"{len(candidates):,} pairs, share a patient or a text across sites, such as {one.pair_id} of {one.site} "
            f"and {other.pair_id} of {other.site}: a model would be tested on what it has learned from. Make one site "
            "of these, leave the pairs out, or say `by: group`."
        )


def _check_classes(candidates: pd.DataFrame, task: Task) -> None:
    task, candidates = task.in_classes(candidates)
    for what, (column, value) in wanted(task).items():
        has = (candidates[column] == value).fillna(False).astype(bool)
        if lacking := sorted(set(candidates["site"]) - set(candidates["site"][has])):
            raise UserError(
                f"split.by: found site, but {what.rstrip(',')} has no pair at {', '.join(lacking)}: nothing can be "
                "said of a model there. Make one site of several, leave the class or the site out, or say `by: group`."
            )

"""The study's filters: reports and images to candidate pairs, each step counted."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lungfuse.parameters import Several
from lungfuse.settings import FilterSettings, LabelRule
from lungfuse.tables import (
    Candidates,
    Funnel,
    ImageIndex,
    Rejected,
    Reports,
    Views,
    read_table,
    rejected_table,
    write_table,
)


def main(
    *,
    modalities: Several[str],
    view: str,
    filter: FilterSettings,
    seed: int,
    reports: Path,
    views: Path,
    index: Path | None = None,
    rejected_inputs: Several[Path],
    candidates: Path,
    funnel: Path,
    rejected: Path,
) -> None:
    """Select and label the pairs of a study.

    Parameters
    ----------
    modalities
        What a pair must have: text, image or both.
    view
        The view of the images that make pairs.
    filter
        The rules of selection.
    seed
        Seed of the random balance.
    reports
        Table of reports.
    views
        Table of the images that reports name.
    index
        Index of the image array; needed when image is a modality.
    rejected_inputs
        What earlier stages rejected.
    candidates
        Output: the labelled pairs with their groups.
    funnel
        Output: what is left after each step.
    rejected
        Output: everything rejected so far.
    """
    readable = set(read_table(index, ImageIndex)["image_id"]) if "image" in modalities else None
    pairs, steps, ambiguous = select_pairs(
        read_table(reports, Reports), read_table(views, Views), readable, "text" in modalities, view, filter, seed
    )
    write_table(pairs, candidates, Candidates)
    write_table(pd.DataFrame(steps.items(), columns=["step", "count"]), funnel, Funnel)
    tables = [read_table(path, Rejected) for path in rejected_inputs]
    write_table(pd.concat([*tables, rejected_table(ambiguous)], ignore_index=True), rejected, Rejected)
    for step, count in steps.items():
        print(f"{count:6,} {step}")


def select_pairs(
    reports: pd.DataFrame,
    views: pd.DataFrame,
    readable: set[str] | None,
    needs_text: bool,
    view: str,
    rules: FilterSettings,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, int], list[tuple[str, str, str]]]:
    """Apply the filters in order.

    `reports` and `views` are tables of `lungfuse.tables`; `readable` holds the ids of the decoded images, or None when
    the study has no images. Returns the `Candidates`, the count after each step, and reports that fit both classes.
    """
    negative, positive = rules.labels
    section = rules.text_fields[0]
    steps = {"images": len(views), "reports": len(reports)}
    reports = reports[reports["report_id"].isin(views["report_id"])]
    steps["reports with images"] = len(reports)
    views = views[views["view"] == view]
    steps[f"{view.lower()} images"] = len(views)

    is_negative, is_positive = matches(reports["major"], negative), matches(reports["major"], positive)
    ambiguous = [
        ("report", report_id, f"fits both classes, {negative.name} and {positive.name}")
        for report_id in reports["report_id"][is_negative & is_positive]
    ]
    reports = reports.assign(label=is_positive.astype(int))[is_negative ^ is_positive]
    steps[f"{positive.name} reports"] = int(reports["label"].sum())
    steps[f"{negative.name} reports"] = int((reports["label"] == 0).sum())
    steps[f"{negative.name} and {positive.name} reports"] = len(reports)
    reports = _balance(reports, rules.balance, seed)
    steps["balanced reports"] = len(reports)

    pairs = views.merge(reports, on="report_id", validate="many_to_one")
    pairs = pairs.assign(pair_id=pairs["image_id"], text=pairs[section])
    steps[f"{view.lower()} images of these"] = len(pairs)
    if needs_text:
        pairs = pairs[pairs["text"] != ""]
        steps[f"with {section}"] = len(pairs)
    if readable is not None:
        pairs = pairs[pairs["image_id"].isin(readable)]
        steps["with a readable image"] = len(pairs)
    pairs = pairs.assign(group=group(pairs["patient"], pairs["text"]))
    steps["pairs"] = len(pairs)
    steps[f"{positive.name} pairs"] = int(pairs["label"].sum())
    steps["reports of pairs"] = pairs["report_id"].nunique()
    steps["groups of pairs"] = pairs["group"].nunique()
    return pairs, steps, ambiguous


def matches(headings: pd.Series, rule: LabelRule) -> pd.Series:
    """Whether any of the '; '-joined headings fits the rule by its part before the first '/'; case matters."""

    def fits(joined: str) -> bool:
        terms = (heading.split("/")[0].strip() for heading in joined.split("; "))
        return any(rule.heading in term if rule.match == "contains" else rule.heading == term for term in terms)

    return headings.map(fits).astype(bool)


def group(patients: pd.Series, texts: pd.Series) -> np.ndarray:
    """Number the groups of rows that share a patient or the same normalised text, directly or through others.

    Empty texts are not compared. Returns int of shape (row,), numbered by first appearance.
    """
    keys = normalised(texts)
    text_keys = ("text " + keys).where(keys != "", "patient " + patients)
    rows = np.arange(len(texts))
    patients, texts = pd.factorize(patients)[0], pd.factorize(text_keys)[0]
    size = 3 * len(rows)
    start, end = np.concatenate([rows, rows]), np.concatenate([patients + len(rows), texts + 2 * len(rows)])
    _, component = connected_components(
        coo_array((np.ones(len(start)), (start, end)), shape=(size, size)), directed=False
    )
    return pd.factorize(component[: len(rows)])[0]


def normalised(texts: pd.Series) -> pd.Series:
    """Texts by which they are compared: in lower case, with runs of non-word characters as one space."""
    return texts.str.lower().str.replace(r"\W+", " ", regex=True).str.strip()


def _balance(reports: pd.DataFrame, how: str, seed: int) -> pd.DataFrame:
    if how == "none":
        return reports
    count = reports["label"].value_counts().reindex([0, 1], fill_value=0).min()
    by_label = reports.groupby("label")
    chosen = by_label.head(count) if how == "first" else by_label.sample(count, random_state=seed)
    return chosen.sort_index()

"""The study's filters: reports and images to candidate pairs, each step counted."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lungfuse.errors import UserError
from lungfuse.parameters import Several
from lungfuse.settings.ingest import FilterSettings, LabelRule
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import SECTIONS, Candidates, Funnel, ImageIndex, Rejected, Reports, Views, rejected_table

SHOWN = 8  # words of a message


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
    report_table = read_table(reports, Reports)
    earlier = pd.concat([read_table(path, Rejected) for path in rejected_inputs], ignore_index=True)
    pairs, steps, dropped = select_pairs(
        report_table, read_table(views, Views), readable, "text" in modalities, view, filter, seed
    )
    found = {*report_table["report_id"], *earlier["id"][earlier["what"] == "report"]}
    steps = pd.concat([pd.DataFrame({"step": ["reports found"], "count": [len(found)]}), steps], ignore_index=True)
    write_table(pairs, candidates, Candidates)
    write_table(steps, funnel, Funnel)
    write_table(pd.concat([earlier, rejected_table(dropped)], ignore_index=True), rejected, Rejected)
    print(steps.astype(object).fillna("").to_string(index=False))
    for section in filter.text_fields[1:]:
        if len(pairs) and not (pairs[section] != "").any():
            print(f"warning: no pair has {section}; a row that reads it learns nothing", file=sys.stderr)


def select_pairs(
    reports: pd.DataFrame,
    views: pd.DataFrame,
    readable: set[str] | None,
    needs_text: bool,
    view: str,
    rules: FilterSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, list[tuple[str, str, str]]]:
    """Apply the filters in order.

    `reports` and `views` are tables of `lungfuse.tables`; `readable` holds the ids of the decoded images, or None when
    the study has no images. Returns the `Candidates`, the `Funnel`, and as rows of `Rejected` the reports that fit both
    classes and the pairs without the text they need.

    Raises:
        UserError: no image has the view, no report is of a class, or no pair has the text.
    """
    negative, positive = rules.labels
    section = rules.text_fields[0]
    steps = Steps()
    steps.add("reports", reports)
    steps.add("images", views)
    steps.add("images with a view", views[views["view"] != ""])
    reports = reports[reports["report_id"].isin(views["report_id"])]
    steps.add("reports with images", reports)
    check_view(views["view"], view)
    views = views[views["view"] == view]
    steps.add(f"{view.lower()} images", views)

    check_classes(reports["major"], rules.labels)
    is_negative, is_positive = matches(reports["major"], negative), matches(reports["major"], positive)
    dropped = [
        ("report", report_id, f"fits both classes, {negative.name} and {positive.name}")
        for report_id in reports["report_id"][is_negative & is_positive]
    ]
    reports = reports.assign(label=is_positive.astype(int))[is_negative ^ is_positive]
    steps.add(f"{positive.name} reports", reports[reports["label"] == 1])
    steps.add(f"{negative.name} reports", reports[reports["label"] == 0])
    steps.add(f"{negative.name} and {positive.name} reports", reports)
    reports = _balance(reports, rules.balance, seed)
    steps.add("balanced reports", reports)

    pairs = views.merge(reports, on="report_id", validate="many_to_one")
    pairs = pairs.assign(pair_id=pairs["image_id"], text=pairs[section])
    steps.add(f"{view.lower()} images of these", pairs)
    if needs_text:
        check_text(pairs, rules.text_fields)
        without = pairs[pairs["text"] == ""]
        for pair, label in without[["pair_id", "label"]].itertuples(index=False):
            dropped.append(("pair", pair, f"has no {section}; it is {rules.labels[label].name}"))
        pairs = pairs[pairs["text"] != ""]
        steps.add(f"with {section}", pairs)
    if readable is not None:
        pairs = pairs[pairs["image_id"].isin(readable)]
        steps.add("with a readable image", pairs)
    pairs = pairs.assign(group=group(pairs["patient"], pairs["text"]))
    steps.add("pairs", pairs)
    steps.add(f"{positive.name} pairs", pairs[pairs["label"] == 1])
    steps.add("reports of pairs", pairs.drop_duplicates("report_id"))
    steps.add("groups of pairs", pairs.drop_duplicates("group"), by_class=False)
    return pairs, steps.table(), dropped


class Steps:
    """The rows of a `Funnel`."""

    def __init__(self) -> None:
        self.rows: list[dict] = []

    def add(self, step: str, left: pd.DataFrame, by_class: bool = True) -> None:
        """Count what is left after a step, by class once there are labels."""
        row = {"step": step, "count": len(left)}
        if by_class and "label" in left:
            row |= {name: int((left["label"] == label).sum()) for label, name in enumerate(["negative", "positive"])}
        self.rows.append(row)

    def table(self) -> pd.DataFrame:
        classes = ["negative", "positive"]
        return pd.DataFrame(self.rows, columns=["step", "count", *classes]).astype(dict.fromkeys(classes, "Int64"))


def check_view(views: pd.Series, view: str) -> None:
    """Raise UserError when there are images, but none of the view."""
    if len(views) and not (views == view).any():
        raise UserError(
            f"view: found {view!r}, but no image has it. The views of {len(views):,} images are {_counted(views)}. "
            "Set `view` of the study to one of them; case counts."
        )


def check_classes(headings: pd.Series, labels: list[LabelRule]) -> None:
    """Raise UserError when there are reports, but none of them fits one of the rules."""
    for rule in labels:
        if len(headings) and not matches(headings, rule).any():
            raise UserError(
                f"filter.labels: no report is {rule.name!r}, for no heading {rule.match} "
                f"{' or '.join(map(repr, rule.headings))}. Those of {len(headings):,} reports are, up to a '/', "
                f"{_counted(_terms(headings))}. Case counts."
            )


def check_text(pairs: pd.DataFrame, sections: list[str]) -> None:
    """Raise UserError when there are pairs, but none with the first of the sections."""
    if len(pairs) and not (pairs[sections[0]] != "").any():
        counts = ", ".join(f"{section} {(pairs[section] != '').sum():,}" for section in SECTIONS)
        raise UserError(
            f"filter.text_fields: {sections[0]} comes first, but none of {len(pairs):,} pairs has it. Pairs with "
            f"each section: {counts}. Name another one first, or fill it in the adapter."
        )


def _counted(words: pd.Series) -> str:
    """The most frequent words with their counts."""
    counts = words.value_counts()
    shown = [f"{word!r} ({count:,})" for word, count in counts.iloc[:SHOWN].items()]
    return ", ".join(shown) + (f" and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else "")


def matches(headings: pd.Series, rule: LabelRule) -> pd.Series:
    """Whether any of the '; '-joined headings fits the rule by its part before the first '/'; case matters."""

    terms = _terms(headings)
    part = "|".join(map(re.escape, rule.headings))
    fits = terms.str.contains(part) if rule.match == "contains" else terms.isin(rule.headings)
    return fits.groupby(level=0).any().reindex(headings.index)


def _terms(headings: pd.Series) -> pd.Series:
    """Each of the '; '-joined headings up to its first '/', under the index of its report."""
    return headings.str.split("; ").explode().str.split("/").str[0].str.strip()


def group(patients: pd.Series, texts: pd.Series) -> np.ndarray:
    """Number the groups of rows that share a patient or the same normalised text, directly or through others.

    Empty texts are not compared. Returns int of shape (row,), numbered by first appearance.
    """
    normalised = normalise(texts)
    text_keys = ("text " + normalised).where(normalised != "", "patient " + patients)
    rows = np.arange(len(texts))
    patients, texts = pd.factorize(patients)[0], pd.factorize(text_keys)[0]
    size = 3 * len(rows)
    start, end = np.concatenate([rows, rows]), np.concatenate([patients + len(rows), texts + 2 * len(rows)])
    _, component = connected_components(
        coo_array((np.ones(len(start)), (start, end)), shape=(size, size)), directed=False
    )
    return pd.factorize(component[: len(rows)])[0]


def normalise(texts: pd.Series) -> pd.Series:
    """Texts in lower case, with runs of non-word characters as one space."""
    return texts.str.lower().str.replace(r"\W+", " ", regex=True).str.strip()


def _balance(reports: pd.DataFrame, how: str, seed: int) -> pd.DataFrame:
    if how == "none":
        return reports
    count = reports["label"].value_counts().reindex([0, 1], fill_value=0).min()
    by_label = reports.groupby("label")
    chosen = by_label.head(count) if how == "first" else by_label.sample(count, random_state=seed)
    return chosen.sort_index()

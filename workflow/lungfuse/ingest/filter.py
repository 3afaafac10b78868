"""The study's filters: reports and images to candidate pairs, each step counted."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.ingest.alike import ImageArray
from lungfuse.ingest.funnel import Steps, of_view
from lungfuse.ingest.groups import NONE, group_pairs
from lungfuse.ingest.labels import (
    balanced,
    check_rules,
    class_names,
    counted,
    joined,
    with_labels,
)
from lungfuse.ingest.several_images import by_report, image_columns
from lungfuse.parameters import options
from lungfuse.settings.base import View, each_view
from lungfuse.settings.ingest import FilterSettings
from lungfuse.tables.base import columns, read_table, write_table
from lungfuse.tables.ingest import (
    SECTIONS,
    Candidates,
    Funnel,
    ImageIndex,
    Rejected,
    Reports,
    Values,
    Views,
    rejected_table,
)
from lungfuse.tasks import Task, load_task

USUALLY_NEEDED = ["image", "text"]


@options
class Files:
    """What is selected from.

    Parameters
    ----------
    reports
        Table of reports.
    views
        Table of the images that reports name.
    values
        Table of the structured values of reports.
    index
        Index of the image array; needed when image is a modality.
    array
        Image array; needed when images that are alike stay in one fold.
    rejected_inputs
        What earlier stages rejected.
    """

    reports: Path
    views: Path
    values: Path
    index: Path | None = None
    array: Path | None = None
    rejected_inputs: list[Path]


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    candidates
        Output: the labelled pairs with their groups.
    funnel
        Output: what is left after each step.
    rejected
        Output: everything rejected so far.
    """

    candidates: Path
    funnel: Path
    rejected: Path


def main(
    *,
    task: str,
    modalities: list[str],
    view: View,
    filter: FilterSettings,
    seed: int,
    files: Files,
    outputs: Outputs,
) -> None:
    """Select and label the pairs of a study.

    Parameters
    ----------
    task
        What the study asks of a pair.
    modalities
        What models may read of a pair.
    view
        The view of the images that make pairs, or several, of each of which a pair has an image.
    filter
        The rules of selection.
    seed
        Seed of the random balance.
    files
        What is selected from.
    outputs
        What is written.
    """
    asked = load_task(task, filter.label_names)
    index = read_table(files.index, ImageIndex) if "image" in modalities else None
    found = FilterInputs(
        read_table(files.reports, Reports),
        read_table(files.views, Views),
        read_table(files.values, Values),
        None if index is None else set(index["image_id"]),
        ImageArray(files.array, index) if files.array else None,
    )
    earlier = pd.concat([read_table(path, Rejected) for path in files.rejected_inputs], ignore_index=True)
    pairs, steps, dropped = select_pairs(found, asked, modalities, view, filter, seed)
    named = {*found.reports["report_id"], *earlier["id"][earlier["what"] == "report"]}
    steps = pd.concat([pd.DataFrame({"step": ["reports found"], "count": [len(named)]}), steps], ignore_index=True)
    write_table(pairs, outputs.candidates, Candidates, others=found.own_sections)
    others = [name for name in class_names(asked) if name not in columns(Funnel, steps)]
    write_table(steps, outputs.funnel, Funnel, others)
    write_table(pd.concat([earlier, rejected_table(dropped)], ignore_index=True), outputs.rejected, Rejected)
    print(steps.astype(object).fillna("").to_string(index=False))
    for section in filter.text_fields[1:]:
        if len(pairs) and not (pairs[section] != "").any():
            print(f"warning: no pair has {section}; a row that reads it learns nothing", file=sys.stderr)


@dataclass(frozen=True)
class FilterInputs:
    """What a study selects from, as tables of `lungfuse.tables.ingest`.

    `readable` holds the ids of the decoded images, or is None when the study has no images; `images` are these, needed
    where pairs with images that are alike stay in one fold.
    """

    reports: pd.DataFrame
    views: pd.DataFrame
    values: pd.DataFrame
    readable: set[str] | None
    images: ImageArray | None = None

    @property
    def own_sections(self) -> list[str]:
        """The sections of the dataset beside those that every table of reports has."""
        return [name for name in self.reports if name not in columns(Reports, self.reports)]


def select_pairs(
    found: FilterInputs, task: Task, modalities: list[str], view: View, rules: FilterSettings, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, list[tuple[str, str, str]]]:
    """Apply the filters in order.

    A pair is an image of the view with its report or, of several views, a report with its images of all. Where
    `required` says that it needs no image, and where reports name none at all, a report without one is a pair too: its
    image id is empty, and its pair id that of the report. Returns the `Candidates`, the `Funnel`, and as rows of
    `Rejected` the reports that fit several classes or have no known
    label, and the pairs without what they need.

    Raises:
        UserError: no image has the view, no report is of a class, or no pair has the text.
    """
    usual = [name for name in modalities if name in USUALLY_NEEDED]
    needed = usual if rules.required is None else rules.required
    alone = "image" not in needed and (rules.required is not None or found.views.empty)
    check_sections(found, rules.text_fields)
    steps = Steps(task)
    reports, views = _seen(found, view, alone, steps)

    check_rules(reports, found.values, rules.labels)
    reports, dropped = with_labels(reports, found.values, task, rules.labels)
    two_classes = task.two_classes
    if two_classes:
        for label, name in reversed(list(enumerate(task.labels))):
            steps.add(f"{name} reports", reports[reports["label"] == label])
    steps.add(f"{joined(task.labels)} reports" if two_classes else "labelled reports", reports)
    if task.columns("label") == ["label"]:
        reports = balanced(reports, rules.balance, seed, len(task.labels))
        steps.add("balanced reports", reports)

    pairs = _joined_pairs(reports, views, alone, "image_id" if isinstance(view, str) else "report_id")
    pairs = pairs.assign(text=pairs[rules.text_fields[0]])
    if isinstance(view, str):
        steps.add("images of these, and reports without" if alone else f"{of_view(view)} of these", pairs)
    else:
        steps.add("cases of these" if alone else "cases with images", pairs)
    if "text" in modalities:
        check_text(pairs, [*SECTIONS, *found.own_sections], rules.text_fields[0])
    if "text" in needed:
        pairs = steps.keep(pairs, pairs["text"] != "", rules.text_fields[0], dropped)
    if found.readable is not None and not alone and isinstance(view, str):
        pairs = pairs[pairs["image_id"].isin(found.readable)]
        steps.add("with a readable image", pairs)
    if "structured" in needed:
        has = pairs["report_id"].isin(_with_values(found.values, rules))
        pairs = steps.keep(pairs, has, "structured values", dropped)
    if not needed:
        pairs = steps.keep(pairs, _has_any(pairs, found, modalities, rules), "input", dropped)
    alike = found.images.alike(pairs, rules.likeness) if "image" in rules.group_by else NONE
    pairs = pairs.assign(group=group_pairs(pairs, rules.group_by, alike))
    steps.add("pairs", pairs)
    if two_classes:
        steps.add(f"{task.labels[1]} pairs", pairs[pairs["label"] == 1])
    steps.add("reports of pairs", pairs.drop_duplicates("report_id"))
    steps.add("groups of pairs", pairs.drop_duplicates("group"), by_class=False)
    return pairs, steps.table(), dropped


def check_sections(found: FilterInputs, sections: list[str]) -> None:
    """Raise UserError when reports do not have one of the sections."""
    known = [*SECTIONS, *found.own_sections]
    if unknown := [section for section in sections if section not in known]:
        raise UserError(
            f"filter.text_fields: found {', '.join(unknown)}, expected some of {', '.join(known)}. Fix it, or name "
            "the section in SECTIONS of the dataset."
        )


def check_view(views: pd.Series, view: View) -> None:
    """Raise UserError when there are images, but none of a view."""
    if len(views) and (absent := [each for each in each_view(view) if not (views == each).any()]):
        raise UserError(
            f"view: found {absent[0]!r}, but no image has it. The views of {len(views):,} images are {counted(views)}. "
            "Set `view` of the study to one of them; case counts."
        )


def check_text(pairs: pd.DataFrame, sections: list[str], first: str) -> None:
    """Raise UserError when there are pairs, but none with the first text field; says what the sections hold."""
    if len(pairs) and not (pairs[first] != "").any():
        counts = ", ".join(f"{section} {(pairs[section] != '').sum():,}" for section in sections)
        raise UserError(
            f"filter.text_fields: {first} comes first, but none of {len(pairs):,} pairs has it. Pairs with "
            f"each section: {counts}. Name another one first, or fill it in the dataset module."
        )


def _seen(found: FilterInputs, view: View, alone: bool, steps: Steps) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The reports, and the images of the view; reports without images only where they may stand `alone`."""
    reports, views = found.reports, found.views
    steps.add("reports", reports)
    steps.add("images", views)
    steps.add("images with a view", views[views["view"] != ""])
    if not alone:
        reports = reports[reports["report_id"].isin(views["report_id"])]
        steps.add("reports with images", reports)
    check_view(views["view"], view)
    views = views[views["view"].isin(each_view(view))]
    steps.add(of_view(view), views)
    if (alone or not isinstance(view, str)) and found.readable is not None:
        views = views[views["image_id"].isin(found.readable)]
        steps.add("readable images", views)
    return reports, views if isinstance(view, str) else by_report(views, view, steps)


def _joined_pairs(reports: pd.DataFrame, views: pd.DataFrame, alone: bool, name: str) -> pd.DataFrame:
    """Reports with their images, called by the column `name`; one without an image by its own."""
    if not alone:
        return views.merge(reports, on="report_id", validate="many_to_one").assign(pair_id=lambda all: all[name])
    pairs = reports.merge(views, on="report_id", how="left", validate="one_to_many")
    pair_ids = pairs[name].fillna(pairs["report_id"])
    named = list(dict.fromkeys(["image_id", *image_columns(views)]))
    return pairs.assign(**pairs[named].fillna(""), pair_id=pair_ids)


def _with_values(values: pd.DataFrame, rules: FilterSettings) -> pd.Series:
    """The reports with a structured value, besides those that labels are read from."""
    others = values.drop(columns=["report_id", *{rule.column for rule in rules.labels if rule.column}])
    return values["report_id"][(others != "").any(axis=1)]


def _has_any(pairs: pd.DataFrame, found: FilterInputs, modalities: list[str], rules: FilterSettings) -> pd.Series:
    """Whether each pair has something that models may read."""
    has = {
        "image": pairs["image_id"] != "",
        "text": (pairs[rules.text_fields] != "").any(axis=1),
        "structured": pairs["report_id"].isin(_with_values(found.values, rules)),
    }
    return pd.concat([has[name] for name in modalities if name in has], axis=1).any(axis=1)

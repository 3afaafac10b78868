"""A table, its images and what a user said of them, to the entry of a study."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.image_lookup import ImageFiles
from lungfuse.init.asked import NUMBERS, asked
from lungfuse.init.cases import Cases, cases_of, gives_away, splits
from lungfuse.init.choose import chosen_label
from lungfuse.init.colours import mostly_coloured
from lungfuse.init.draft import Draft, Files, draft_of, filters
from lungfuse.init.given_split import given_split
from lungfuse.init.guess import roles_of
from lungfuse.init.images_named import check_images, images_named_again
from lungfuse.init.inputs import label_columns, missing_words
from lungfuse.init.language import is_foreign
from lungfuse.init.missing import missing_of
from lungfuse.init.naming import named_like
from lungfuse.init.profile import Profile, ShareOfImages, check_header, profiles_of
from lungfuse.init.question import Question
from lungfuse.init.roles import Roles, UserRoles, column_called
from lungfuse.init.rows import ENCODERS, MORE, Inputs, folds_for, rows_of
from lungfuse.init.spoiled import doubts_of_rows, doubts_of_units
from lungfuse.init.summary import NO_MODEL, doubts_of_images, doubts_of_values, not_read, summary
from lungfuse.init.texts import set_groups
from lungfuse.plan.load import load_studies
from lungfuse.settings.ingest import SplitSettings
from lungfuse.settings.study import Study
from lungfuse.sheets import read_sheet

LEAST_GROUPS = 6  # of a class: three for each of two folds
RARE = 10  # groups up to which one of several classes is left out
FULL = 0.98  # share of the rows that have what each case needs
MOST_LOST = 0.5  # share of the images
ALLOWED = 0.04  # share of losses that is not spoken of
LOST = {
    "reports cannot be used": "rows have no label that is known",
    "images have no view that is known": "images have no view that is known",
    "pairs have no readable image": "rows name an image that is not there",
    "images of the view cannot be read": "rows name an image that is not there",
}


@dataclass(frozen=True)
class Options:
    """What a user says: label columns, words of the classes, words that stand for nothing, of all columns or as
    <column>=<word> of one, columns by their role, what stands between several words of a label, whether equal texts
    stay together, models to write beside the usual ones, and the task."""

    labels: Sequence[str]
    positive: Sequence[str]
    negative: Sequence[str]
    missing: Sequence[str]
    roles: UserRoles
    between: str | None = None
    same_texts: str | None = None
    more_models: Sequence[str] = ()
    task: str | None = None


@dataclass
class Inspection:
    """What was found in the table, by its columns."""

    profiles: dict[str, Profile]
    roles: Roles
    question: Question
    images: ImageFiles | None


def composed(name: str, files: Files, folder: Path, defaults: dict[str, Any], options: Options, ask: bool) -> Draft:
    """The entry of a study called `name`, whose files, or links to them, are in `folder`.

    Raises:
        UserError: the files cannot be read, no study can be made of them, or it is unclear which and there is nobody to
            ask.
    """
    inspection, draft = _inspected(files, folder, options, ask)
    cases = _cases(name, draft, inspection, folder, defaults)
    _check_found(cases)
    if set_groups(draft, cases, options.same_texts):
        cases = _cases(name, draft, inspection, folder, defaults)
    cases = _without_rare(name, draft, inspection, cases, folder, defaults)
    _allow_losses(draft, cases)
    if inspection.roles.split:
        draft.entry["split"] = given_split(cases.own_split, inspection.roles.split, cases.pairs["group"])
        draft.say("as the column says", "split")
    else:
        _set_split(draft, inspection.question, cases, study_of(name, draft.entry, defaults).split.repeats)
    inputs = _without_what_tells(draft, inspection, cases, study_of(name, draft.entry, defaults), options.roles.use)
    if inspection.images is not None and inspection.roles.image and mostly_coloured(inspection.images):
        draft.entry["images"] = {"colour": True}
        draft.say("most images have colours", "images")
    _add_rows(draft, inspection.roles, inputs, cases, options.more_models)
    draft.unsure += [
        *doubts_of_values(cases, inspection.roles),
        *doubts_of_images(inspection.profiles, inspection.roles),
    ]
    draft.summary = summary(inspection.question, inspection.roles, cases, draft)
    study_of(name, draft.entry, defaults)
    return draft


def study_of(name: str, entry: dict[str, Any], defaults: dict[str, Any]) -> Study:
    """An entry laid over the defaults, and checked."""
    params = {"study": name, "dvc_sync": False, "gpu_software": False, "container": "", "defaults": defaults}
    return load_studies(params | {"studies": {name: entry}})[name]


def _cases(name: str, draft: Draft, inspection: Inspection, folder: Path, defaults: dict[str, Any]) -> Cases:
    unknown = {name: inspection.profiles[column].missing for column, name in draft.label_names.items()}
    return cases_of(study_of(name, draft.entry, defaults), folder, unknown)


def _inspected(files: Files, folder: Path, options: Options, ask: bool) -> tuple[Inspection, Draft]:
    sheet = read_sheet(folder / files.table, *files.form)
    check_header(sheet, files.table)
    images = ImageFiles(folder, files.images) if files.images else None
    profiles = profiles_of(sheet, _share_found(images), missing_of(options.missing, sheet))
    labels = list(dict.fromkeys(column_called(label, "label", profiles) for label in options.labels))
    why = ""
    if not labels:
        label, why = chosen_label(profiles, ask)
        labels = [label]
    of_labels = [profiles[label] for label in labels]
    question = asked(of_labels, options.positive, options.negative, options.between, options.task)
    said = options.roles
    roles = roles_of(profiles, UserRoles(**{**vars(said), "labels": labels}), table=sheet)
    check_images(images, roles, said, files, profiles)
    roles.unsure += images_named_again(sheet, profiles, roles, question)
    names = label_columns(labels)
    draft = draft_of(files, question, roles, missing_words(profiles, roles, labels), names)
    if why:
        draft.say(f"{why}.", "filter", "labels")
    _require(draft, roles, profiles, sheet)
    draft.unsure += [*doubts_of_rows(sheet, profiles), *doubts_of_units(profiles.values())]
    return Inspection(profiles, roles, question, images), draft


def _share_found(images: ImageFiles | None) -> ShareOfImages | None:
    if images is None:
        return None

    def share(cells: Sequence[str]) -> float:
        found = images.find(cells)
        return sum(not isinstance(file, str) for file in found.values()) / max(1, len(found))

    return share


def _require(draft: Draft, roles: Roles, profiles: dict[str, Profile], sheet: pd.DataFrame) -> None:
    """Say what each case needs, where not all have all."""
    filled = {role: profiles[name].filled / profiles[name].rows for role, name in _main(roles).items()}
    if roles.images:
        named = [sheet[name].isin(profiles[name].words.index) for name in roles.images.values()]
        filled["image"] = float(pd.concat(named, axis=1).any(axis=1).mean())
    if roles.image and filled["image"] < 0.9 and len(draft.entry["modalities"]) > 1:
        needed: list[str] = []
        said = f"an image is named in {filled['image']:.0%} of the rows; a case may lack any input"
    elif "text" in filled and filled["text"] < FULL and (roles.image or roles.columns):
        needed = ["image"] if roles.image else []
        said = f"{filled['text']:.0%} of the rows have a text; a case may lack it"
    else:
        return
    draft.entry["filter"]["required"] = needed
    draft.say(said, "filter", "required")


def _main(roles: Roles) -> dict[str, str]:
    """The columns of the image and of the first text."""
    found = {"image": roles.image, "text": next(iter(roles.texts.values()), None)}
    return {role: name for role, name in found.items() if name}


def _without_rare(name: str, draft: Draft, inspection: Inspection, cases: Cases, folder: Path, defaults: dict) -> Cases:
    """The cases without classes or labels that are too rare for folds."""
    groups = cases.groups()
    rare = [label for label, count in groups.items() if count < RARE]
    least = 2 if inspection.question.task == "multilabel" else 3
    if inspection.question.task == "binary" or not rare or len(groups) - len(rare) < least - 1:
        rare = [label for label, count in groups.items() if count < LEAST_GROUPS]
    if not rare:
        return cases
    left = len(groups) - len(rare)
    shown = ", ".join(f"{label} {groups[label]:,}" for label in rare)
    if inspection.question.task == "binary" or left < 2:
        raise UserError(
            f"--label {', '.join(inspection.question.columns)}: too few cases of {shown} (counted by "
            f"patient or group, for these stay together); expected {LEAST_GROUPS} or more of each of two classes, to "
            f"learn from some and test on others. The {len(cases.pairs):,} cases that have what they need are "
            + ", ".join(f"{label} {count}" for label, count in cases.counts().items())
            + ". Add cases, or name another column."
        )
    why = f"Left out, for too few patients or groups have it: {shown}"
    inspection.question = inspection.question.without(rare, why)
    draft.entry["task"] = inspection.question.task
    draft.entry["filter"] |= filters(draft, inspection.question, inspection.roles)
    draft.say(f"{why}.", "filter", "labels")
    return _cases(name, draft, inspection, folder, defaults)


def _set_split(draft: Draft, question: Question, cases: Cases, repeats: int) -> None:
    least = min(cases.groups().values())
    folds, validation = folds_for(least)

    def fails() -> bool:
        return not splits(cases, SplitSettings(folds=folds, validation=validation, repeats=repeats), 0)

    while folds > 2 and fails():
        folds, validation = folds - 1, 0.25
    draft.entry["split"] = {"folds": folds, "validation": validation}
    if fails():
        draft.entry["split"] |= {"repeats": 1}
    what = "label" if question.task == "multilabel" else "class"
    draft.say(f"the rarest {what} has {least:,} patients or groups, each of which stays in one fold", "split")


def _check_found(cases: Cases) -> None:
    """Raise UserError when most images are missing."""
    if cases.unread > MOST_LOST * cases.rows:
        raise UserError(
            f"--images: {cases.unread:,} of {cases.rows:,} rows name an image that is not there. Name the folder or "
            ".zip file that has them, several if they are in several."
        )


def _allow_losses(draft: Draft, cases: Cases) -> None:
    """Let the study go on without the cases that cannot be used, and say how many these are."""
    for what, (lost, total) in cases.losses.items():
        if lost > ALLOWED * total:
            allowed = max(draft.entry.get("rejected_share", 0), math.ceil(20 * lost / total + 0.5) / 20)
            draft.entry["rejected_share"] = min(1.0, allowed)
            draft.say(f"{lost:,} of {total:,} {LOST.get(what, what)}: they are left out.", "rejected_share")


def _without_what_tells(
    draft: Draft, inspection: Inspection, cases: Cases, study: Study, use: Sequence[str]
) -> list[str]:
    """The names of the structured columns that rows may read: those that do not give the label away, or that a user
    wants to `use`."""
    kept, kept_by_user = [], {column_called(name, "use", inspection.profiles) for name in use}
    for name, column in inspection.roles.columns.items():
        if not (cases.values_of(name) != "").any():
            draft.say(f"{NO_MODEL}it is empty in all cases of the study", "table", "columns", name)
        elif column.column in kept_by_user:
            kept.append(name)
        elif said := gives_away(cases, name, column.kind, study.check.leak_auroc, study.check.leak_min_share):
            draft.say(f"{NO_MODEL}{said}", "table", "columns", name)
        elif label := named_like(column.column, inspection.question.columns):
            draft.say(
                f"{NO_MODEL}its name is like that of the label {label}: it may say the same", "table", "columns", name
            )
        else:
            kept.append(name)
    return kept


def _add_rows(draft: Draft, roles: Roles, inputs: list[str], cases: Cases, more: Sequence[str]) -> None:
    entry = draft.entry
    if unknown := [name for name in more if name not in MORE]:
        raise UserError(f"--more-models: found {', '.join(unknown)}, expected some of {', '.join(MORE)}.")
    images, sections, numbers = "image" in entry["modalities"], list(roles.texts), entry["task"] == NUMBERS
    foreign = is_foreign(draft, cases, sections)
    found = Inputs(images, sections, inputs, len(cases.pairs), tuple(more), roles.places, numbers, foreign)
    rows = rows_of(found)
    if not found.single:
        raise UserError(
            "No column is left that a model could read. Not read: "
            + "; ".join(f"{name} ({why})" for name, why in (roles.left | not_read(draft)).items())
            + ". Name images with --images, or a text with --text."
        )
    entry["modalities"] = found.modalities
    if encoders := {modality: ENCODERS[modality] for modality in found.modalities if modality in ENCODERS}:
        entry["encoders"] = encoders | rows.settings.get("encoders", {})
        draft.say("small, packaged with lungfuse, and kept as they are", "encoders")
    entry.pop("models")
    entry["models"] = rows.models
    for note in rows.notes:
        draft.say(note, "models")
    for row, comment in rows.comments.items():
        draft.say(comment, "models", row)

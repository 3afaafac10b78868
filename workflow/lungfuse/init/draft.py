"""A study's entry as settings, with a comment on each choice."""

from dataclasses import dataclass, field
from typing import Any

from lungfuse.init.question import Question
from lungfuse.init.roles import Column, Roles
from lungfuse.init.rows import baseline
from lungfuse.settings.base import UNKNOWN
from lungfuse.sheets import Format

ANY_VIEW = "any"


@dataclass
class Draft:
    """The settings of an entry, comments by their place in it, the names of label columns by theirs in the table,
    what is unsure, and a summary for the user."""

    entry: dict[str, Any]
    comments: dict[tuple[str, ...], str] = field(default_factory=dict)
    label_names: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    unsure: list[str] = field(default_factory=list)

    def say(self, comment: str, *place: str) -> None:
        """Put a comment at a place; after one that is there."""
        said = self.comments.get(place)
        self.comments[place] = f"{said} {comment}" if said else comment


@dataclass(frozen=True)
class Files:
    """The table and places of images as they are called in the raw folder, how the table is written, and what is unsure
    of that."""

    raw: str
    table: str
    images: list[str]
    form: Format
    unsure: list[str] = field(default_factory=list)


Missing = tuple[list[str], dict[str, list[str]]]  # words of all columns, and of some


def draft_of(files: Files, question: Question, roles: Roles, missing: Missing, labels: dict[str, str]) -> Draft:
    """The entry without its rows; `labels` are names of label columns with those of the table."""
    draft = Draft({"dataset": "table", "raw": files.raw}, label_names={column: name for name, column in labels.items()})
    draft.entry["table"] = _table(draft, files, roles, missing, labels)
    draft.entry["task"] = question.task
    if question.task == "regression":
        _set_number(draft, question, labels)
    if question.notes:
        draft.say(". ".join(question.notes) + ".", "filter", "labels")
    draft.unsure = [*files.unsure, *question.unsure, *roles.unsure]
    draft.entry["modalities"] = modalities(roles)
    draft.entry["view"] = _view(draft, roles)
    draft.entry["filter"] = filters(draft, question, roles)
    draft.entry["models"] = {baseline(question.task == "regression"): {}}
    return draft


def _set_number(draft: Draft, question: Question, labels: dict[str, str]) -> None:
    """The label column as one of numbers, and how models that predict them are compared."""
    form = {"form": question.form} if question.form != "plain" else {}
    for name in labels:
        draft.entry["table"]["columns"][name] |= {"kind": "number"} | form
    draft.entry["comparison"] = {"primary": "concordance"}
    draft.say("the share of pairs of cases that are in the right order; or r2", "comparison")


def modalities(roles: Roles) -> list[str]:
    """What models may read."""
    has = {"image": roles.image, "text": roles.texts, "structured": roles.columns}
    return [name for name, found in has.items() if found] or ["structured"]


def filters(draft: Draft, question: Question, roles: Roles) -> dict[str, Any]:
    """The section `filter` of a question."""
    rules = []
    for rule in question.rules:
        said: dict[str, Any] = {
            "name": rule.name, "column": draft.label_names[rule.column],
        }  # fmt: skip
        more = {"positive": rule.positive or None, "negative": rule.negative, "between": rule.between}
        more |= {"range": rule.range}
        rules.append(said | {key: value for key, value in more.items() if value is not None})
    found: dict[str, Any] = {"labels": rules, "balance": "none"}
    return found | ({"text_fields": list(roles.texts)} if roles.texts else {})


def _table(draft: Draft, files: Files, roles: Roles, missing: Missing, labels: dict[str, str]) -> dict[str, Any]:
    table: dict[str, Any] = {"file": files.table}
    table |= {key: value for key, value in files.form._asdict().items() if value != getattr(Format(), key)}
    if not files.form.encoding.startswith("utf"):
        draft.say("guessed from the letters; if some look wrong, write another, such as cp1252", "table", "encoding")
    everywhere, own_missing = missing
    if everywhere:
        table["missing"] = everywhere
        draft.say('values that mean "missing", as an empty cell does', "table", "missing")
    if roles.rows:
        table["rows"] = roles.rows
        draft.say(roles.why["rows"], "table", "rows")
    for role in ["case", "patient", "site", "date"]:
        if name := getattr(roles, role):
            table[role] = name
            draft.say(ABOUT[role], "table", role)
        if role == "patient" and roles.patient_pattern:
            table["patient_pattern"] = roles.patient_pattern
            draft.say("the part of a cell that names the patient, as a regular expression", "table", "patient_pattern")
        if role == "patient" and roles.same_numbers:
            table["same_numbers"] = True
            draft.say("017, 17 and 17.0 are the same patient, and P-001 and p 001", "table", "same_numbers")
    if not roles.patient and not roles.group_by:
        draft.say(
            "No column names the patient, so each row counts as one of a patient of its own. If patients have several "
            "rows, name the column: `patient: <column>`.", "table",
        )  # fmt: skip
    if roles.split:
        table["own_split"] = roles.split
        draft.say("that which `split` names", "table", "own_split")
    if roles.group_by:
        table["group_by"] = roles.group_by
        draft.say("rows with the same value stay in one fold", "table", "group_by")
    if roles.image:
        table |= {"image": roles.images or roles.image} | ({"image_between": roles.between} if roles.between else {})
        table["images"] = files.images
    if roles.image and roles.view:
        table |= {"view": roles.view} | ({"views": roles.views} if roles.views else {})
    if roles.texts:
        table["texts"] = {name: {"column": column, "known": UNKNOWN} for name, column in roles.texts.items()}
        draft.say(f"{TIMES}; a text written by someone who knew the outcome may name it", "table", "texts")
    of_labels = {
        name: {"column": column, "kind": "category"} | _missing(column, own_missing) for name, column in labels.items()
    }
    table["columns"] = of_labels | {name: _column(column, own_missing) for name, column in roles.columns.items()}
    if roles.columns:
        draft.say(TIMES, "table", "columns")
    for name in of_labels:
        draft.say("the label is read from it, so no model uses this column", "table", "columns", name)
    if roles.left:
        draft.say(
            "Not read: " + "; ".join(f"{name} ({why})" for name, why in roles.left.items()) + ".", "table", "columns"
        )
    return table


TIMES = "look at each `known`: before_image, with_report or after_outcome; while unknown, the verdict says so"
ABOUT = {
    "case": "names each row",
    "patient": "all rows of a patient stay in one fold",
    "site": "the hospital: folds have the same share of each, and each is scored by itself",
    "date": "for the data check alone",
}


def _column(column: Column, missing: dict[str, list[str]]) -> dict[str, Any]:
    said = {"unit": column.unit} if column.unit else {}
    said |= {"form": column.form} if column.form != "plain" else {}
    return {"column": column.column, "kind": column.kind} | said | _missing(column.column, missing) | {"known": UNKNOWN}


def _missing(column: str, missing: dict[str, list[str]]) -> dict[str, list[str]]:
    return {"missing": missing[column]} if column in missing else {}


def _view(draft: Draft, roles: Roles) -> str | list[str]:
    if roles.places:
        draft.say("a case has an image of each; models read all, or one, as images: raw@<view> does", "view")
        return roles.places
    if not (roles.image and roles.view):
        return ANY_VIEW
    view = next(iter(roles.views), None) or roles.first_view
    draft.say("the view of the images that are read; others are left out", "view")
    return view

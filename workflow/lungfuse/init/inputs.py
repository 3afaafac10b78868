"""Which columns of a table models may read as structured values, and why others are no input."""

import re
from collections.abc import Sequence

import pandas as pd

from lungfuse.cell_forms import number_of
from lungfuse.ingest.reports import taken_names
from lungfuse.ingest.sides import are_sides
from lungfuse.init.headings import AGE, OF_DEVICE, OF_FILE
from lungfuse.init.profile import Profile
from lungfuse.init.roles import Column, Roles
from lungfuse.vocabulary import column_name

FULL_ENOUGH = 0.1  # of the rows
UNIT = re.compile(r"[\[(]\s*([^\])]{1,12}?)\s*[\])]\s*$")


def find_inputs(roles: Roles, free: dict[str, Profile], labels: Sequence[str], used: set[str]) -> None:
    """The structured columns, those that a user wants `used` among them."""
    for name, found in free.items():
        if name in roles.used or (name in roles.left and name not in used):
            continue
        if (reason := _unfit(found)) and name not in used:
            roles.left[name] = reason
        else:
            roles.left.pop(name, None)
            called = column_name(name, {*taken_names(), *roles.columns, *roles.texts, *label_columns(labels)})
            number = found.kind == "number" or (found.kind == "id" and name in used and _are_numbers(found))
            unit = (found.unit or unit_of(name)) if number else ""
            roles.columns[called] = Column(name, "number" if number else "category", unit, found.form)
            if found.form == "at-least":
                limit = next(word for word in found.words.index if "+" in word)
                roles.unsure.append(f"{name}: {limit!r} is read as {number_of(found.form)(limit)}")


def _are_numbers(found: Profile) -> bool:
    return bool(pd.to_numeric(found.words.index, errors="coerce").notna().all())


def label_columns(labels: Sequence[str]) -> dict[str, str]:
    """The names under which label columns are read, with those of the table."""
    names: dict[str, str] = {}
    for label in labels:
        names[column_name(label, {*taken_names(), *names})] = label
    return names


def unit_of(name: str) -> str:
    """The unit in a column's name, or nothing."""
    if found := UNIT.search(name):
        return found[1]
    return "years" if name.casefold() in AGE or name.lower().startswith("age_year") else ""


def _unfit(found: Profile) -> str:
    """Why a column is no input, or nothing."""
    kinds = {
        "empty": "is empty",
        "constant": f"says the same in every row: {found.words.index[0] if found.distinct else ''}",
        "id": "names something, and says nothing of a case",
        "date": "is a date",
        "time": "is a time of day",
        "url": "holds addresses",
        "text": "is a text",
        "words": f"has {found.distinct:,} different words in {found.filled:,} rows",
        "near-number": f"holds {', '.join(map(repr, found.odd))} among numbers; make them numbers to use it",
    }
    if not found.named and found.distinct == found.filled:
        return "has no heading, and numbers rows as pandas writes them"
    if not found.named:
        return "has no heading; write one, or say --use " + found.name
    if found.images >= 0.3:
        return "names images, as another column does: its images are not read; write a row for each"
    if found.names_files:
        return "names images: say with --images where they are"
    if are_sides(found.words.index):
        return "says which rows are tested"
    if found.kind in kinds:
        return kinds[found.kind]
    if found.called(*OF_FILE):
        return "is of the file, not of the patient"
    if found.called(*OF_DEVICE):
        return "is of the device, not of the patient"
    if found.distinct == 1:
        return f"says {found.words.index[0]!r} or nothing"
    if found.filled < FULL_ENOUGH * found.rows:
        return f"is filled in {found.filled:,} of {found.rows:,} rows alone"
    return ""


def missing_words(
    profiles: dict[str, Profile], roles: Roles, labels: Sequence[str]
) -> tuple[list[str], dict[str, list[str]]]:
    """The words that stand for nothing in the columns that the study reads: in all of them, and in some structured
    ones.

    A word that means something in another column, such as - beside +, or that a user named of one, is of its own
    columns alone.
    """
    read = [profiles[name] for name in profiles if name in {*roles.used, *labels}]
    own = {column.column for column in roles.columns.values()} | {*labels}
    everywhere, some = {}, {}
    for found in read:
        for word in found.missing:
            if found.name in own and (_means(word, read) or word in found.own_missing):
                some.setdefault(found.name, []).append(word)
            else:
                everywhere[word] = None
    return list(everywhere), some


def _means(word: str, read: Sequence[Profile]) -> bool:
    return any(word in found.words for found in read)

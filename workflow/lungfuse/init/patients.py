"""Which column names the patient: by what its cells look like, and then by its heading."""

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from lungfuse.cell_forms import written_in_one_way
from lungfuse.init.headings import APART, MEASURE, NOT_PATIENT, NUMBERED, PATIENT, PERSON_NAME
from lungfuse.init.identifiers import name_somebody
from lungfuse.init.profile import Profile
from lungfuse.init.roles import NONE, Roles, UserRoles, column_called
from lungfuse.words import listed

KINDS = ("id", "number", "near-number", "words", "category", "constant")
MOST_ROWS = 50  # of one patient, in a column that no heading names
FEWEST = 20  # patients, in such a column
CODE = re.compile(r"(?=.*\d)[\w.:/-]+")
IN_PATH = re.compile(r"(?:patient|subject|person|pat|sub|pt|case|paciente|patnr)[-_ ]?\d+", re.IGNORECASE)
SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d+")
LEAST_OF_NOBODY, SHARE_OF_NOBODY = 10, 0.1  # rows with one word that may stand for no patient
LEAST_MERGED = 0.3  # of the rows, blank where cells were merged
ALIKE = 0.9  # of pairs of rows that share a value, agree in what is of the patient
LEAST_UPLIFT = 0.15


def find_patient(roles: Roles, free: dict[str, Profile], said: UserRoles, table: pd.DataFrame | None) -> None:
    """The column of patients, and how their numbers are read; what is unsure of it is said."""
    left = [found for name, found in free.items() if name not in roles.used]
    persons = [found.name for found in left if found.name != said.patient and names_persons(found)]
    roles.left |= dict.fromkeys(persons, "holds names of persons")
    left = [found for found in left if found.name not in persons]
    if said.patient is not None:
        roles.patient = None if said.patient == NONE else column_called(said.patient, "patient", free)
    else:
        roles.patient = named_patient(left)
    if said.patient is None and roles.patient is None and table is not None:
        _find_unnamed_patient(roles, [found for found in left if not found.called(*APART)], table)
    roles.patient_pattern = said.patient_pattern if roles.patient else None
    if roles.patient is None and said.patient is None and roles.image is not None and table is not None:
        pattern = said.patient_pattern or pattern_in_paths(table[roles.image])
        if pattern:
            roles.patient, roles.patient_pattern = roles.image, pattern
            roles.unsure.append(
                f"the patient is read from {roles.image}, by {pattern}: say --patient none if that is none, or another "
                "--patient-pattern"
            )
    if persons and roles.patient is None and said.patient is None:
        roles.unsure.append(
            f"{listed(persons)} {'hold' if persons[1:] else 'holds'} names of persons: say --patient "
            f"{quoted(persons[0])} if rows with the same name are of one patient, or --use "
            f"{quoted(persons[0])} if it names something else"
        )
    if roles.patient and not roles.patient_pattern:
        roles.unsure += _odd_numbers(free[roles.patient])
        roles.unsure += _blank(free[roles.patient], table)
    if roles.patient and table is not None:
        several = written_in_several_ways(table[roles.patient])
        roles.same_numbers = bool(several) if said.same_numbers is None else said.same_numbers
        if roles.same_numbers and several:
            roles.unsure.append(
                f"{roles.patient}: {listed(map(repr, several), 3)} are taken for the same where they differ in zeros, "
                "case, spaces or hyphens alone (017 and 17, P-001 and p 001): say --no-same-numbers if they are not"
            )


def _odd_numbers(found: Profile) -> Iterator[str]:
    """What may make one patient of several."""
    words = found.words
    if short := [word for word in words.index if SHORTENED.fullmatch(word)]:
        yield (
            f"{found.name}: {short[0]} and the like may be shortened by Excel, which makes one patient of several: "
            "write the column anew as text"
        )
    first, second = (int(words.iloc[place]) if len(words) > place else 0 for place in (0, 1))
    if len(words) > 1 and first > max(LEAST_OF_NOBODY, SHARE_OF_NOBODY * found.rows) and first > 5 * second:
        word = str(words.index[0])
        yield (
            f"{found.name}: {word!r} stands in {first:,} of {found.rows:,} rows: say --missing "
            f"{quoted(f'{found.name}={word}')} if it names nobody"
        )


def _blank(found: Profile, table: pd.DataFrame | None) -> Iterator[str]:
    """Rows without a patient, and whether they are those below the first one of a patient, as in merged cells."""
    blank = found.rows - found.filled
    if not blank:
        return
    said = f"{found.name}: {blank:,} of {found.rows:,} rows name no patient"
    first = table is not None and table[found.name].iloc[0] in found.words
    if first and found.distinct == found.filled and blank >= LEAST_MERGED * found.rows:
        yield (
            f"{said}, as where cells were merged: write the patient into each row; until then each of "
            "them counts as one of a patient of its own"
        )
    else:
        yield f"{said}: each counts as one of a patient of its own; write the patient into them"


def names_persons(found: Profile) -> bool:
    """Whether a column is called like one of names of persons, and holds words without digits."""
    if "".join(found.tokens) not in PERSON_NAME or found.kind not in (*KINDS, "text"):
        return False
    return bool(found.words[found.words.index.str.contains(r"\d")].sum() < 0.1 * found.filled)


def _find_unnamed_patient(roles: Roles, left: list[Profile], table: pd.DataFrame) -> None:
    by_name = {one.name: one for one in left}
    found, doubtful = like_patients(table, left)
    if found:
        roles.patient = found
        roles.unsure.append(
            f"{found} is taken for the patient, for rows with the same value agree in all else: say --patient none, or "
            "another column, if it is not"
        )
    for name in doubtful:
        if name != found:
            roles.left[name] = "names something, perhaps the patient"
            roles.unsure.append(
                f"{name} has {by_name[name].distinct:,} values in {by_name[name].filled:,} rows and may name "
                f"patients: say --patient {quoted(name)} if so, or --use {quoted(name)} if it is a measure"
            )


def quoted(name: str) -> str:
    """A heading as it is written in a command."""
    return name if re.fullmatch(r"[\w.-]+", name) else shlex.quote(name)


def named_patient(free: Iterable[Profile]) -> str | None:
    """The column that is called like one of patients, and holds what names something: many values before few.

    `patient_type` and `Patient Age` are of a patient, and name none.
    """
    fit = [one for one in free if one.called(*PATIENT) and not one.called(*NOT_PATIENT) and _names_something(one)]
    return max(fit, key=lambda one: (one.called(*NUMBERED) or one.kind == "id", one.distinct)).name if fit else None


def _names_something(found: Profile) -> bool:
    return found.kind in KINDS and found.form == "plain" and (found.kind != "category" or _looks_like_codes(found))


def _looks_like_codes(found: Profile) -> bool:
    return found.distinct > 12 or bool(found.words.index.str.contains(r"\d").mean() > 0.5)


def like_patients(table: pd.DataFrame, free: Iterable[Profile]) -> tuple[str | None, list[str]]:
    """Where no heading says so, the column whose equal values are of one patient, and others that may name patients.

    It holds numbers or codes, many of them, each in a few rows. Rows that share one agree in sex, age and the like more
    than any two rows do.
    """
    found, doubtful, numbers = [], [], []
    free = list(free)
    traits = [one for one in free if one.kind in ("category", "yes/no") and 2 <= one.distinct <= 10][:8]
    for one in free:
        if not _repeats_like_patients(one):
            continue
        agreed = _agreement(table, one, [trait for trait in traits if trait.name != one.name])
        if agreed:
            found.append((one.name, one.distinct))
        elif _is_code(one):
            doubtful.append(one.name)
        elif one.kind == "number" and not one.called(*MEASURE) and name_somebody(one.words):
            numbers.append(one.name)
    chosen = max(found, key=lambda each: each[1])[0] if found else None
    return chosen, doubtful + (numbers if chosen is None else [])


def _repeats_like_patients(found: Profile) -> bool:
    if found.kind not in ("id", "number", "words") or found.form != "plain" or not found.filled:
        return False
    mean = found.filled / found.distinct
    few = 1.3 < mean <= 20 and int(found.words.iloc[0]) <= MOST_ROWS
    return few and found.distinct >= FEWEST and all(map(CODE.fullmatch, found.words.index))


def _is_code(found: Profile) -> bool:
    """Whether cells look like numbers of something, and not like a measure: letters, zeros before, or one long
    length."""
    cells = list(found.words.index)
    lengths = {len(cell) for cell in cells}
    letters = any(re.search(r"[^\d.+-]", cell) for cell in cells)
    zeros = any(re.match(r"0\d", cell) for cell in cells)
    return letters or zeros or (len(lengths) == 1 and lengths.pop() >= 6 and all(cell.isdigit() for cell in cells))


def _agreement(table: pd.DataFrame, found: Profile, traits: list[Profile]) -> bool:
    """Whether two traits or more, or one of three, are the same in nearly all neighbours of one value."""
    cells = table[found.name].reset_index(drop=True)
    order = cells[cells != ""].sort_values(kind="stable").index
    same = (cells[order].to_numpy()[1:] == cells[order].to_numpy()[:-1]).nonzero()[0]
    if len(same) < 10:
        return False
    agreed = 0
    for trait in traits:
        values = table[trait.name].reset_index(drop=True)[order].to_numpy()
        within = float(np.mean(values[same] == values[same + 1]))
        shares = trait.words / trait.words.sum()
        agreed += within >= ALIKE and within - float((shares**2).sum()) >= LEAST_UPLIFT
    return agreed >= max(1, min(2, len(traits) - 1))


def pattern_in_paths(cells: pd.Series) -> str | None:
    """The pattern of the part of paths that names the patient, where folders or names do so and several rows share
    one."""
    filled = [cell.replace("\\", "/") for cell in cells if cell]
    parts = [next(filter(None, map(IN_PATH.search, PurePosixPath(cell).parts)), None) for cell in filled]
    if not filled or any(part is None for part in parts):
        return None
    words = {re.sub(r"\d+$", "", part[0]) for part in parts}
    distinct = len({part[0] for part in parts})
    return rf"{re.escape(words.pop())}\d+" if len(words) == 1 and 1 < distinct < len(filled) else None


def written_in_several_ways(cells: Iterable[str]) -> list[str]:
    """Numbers that stand in a column in more ways than one."""
    ways: dict[str, set[str]] = {}
    for cell in {*cells} - {""}:
        ways.setdefault(written_in_one_way(cell), set()).add(cell)
    return sorted({cell for found in ways.values() if len(found) > 1 for cell in found})

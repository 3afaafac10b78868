"""Which role each column of a table plays in a study, and why."""

from collections.abc import Iterable

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.ingest.reports import taken_names
from lungfuse.ingest.sides import are_sides
from lungfuse.init.headings import APART, BIRTH, DATE, OF_FILE, SITE, SPLIT
from lungfuse.init.inputs import find_inputs
from lungfuse.init.patients import find_patient, quoted
from lungfuse.init.profile import Profile
from lungfuse.init.roles import NONE, Roles, UserRoles, column_called
from lungfuse.init.several_images import find_images
from lungfuse.init.views import find_rows, find_view
from lungfuse.tables.ingest import SECTIONS
from lungfuse.vocabulary import column_name

OPTIONS = {  # of what a user says, by its name
    "patient": "patient", "site": "site", "date": "date", "image": "image-column", "view": "view", "texts": "text",
    "group_by": "group-by", "split": "split", "use": "use", "left": "leave-out",
}  # fmt: skip
MARKS = ("id", "words", "near-number")
MOST_SITES, MOST_PARTS = 20, 20
FEWEST_CODES, MOST_ROWS_OF_A_CODE = 10, 6


def roles_of(profiles: dict[str, Profile], said: UserRoles, folds: int = 5, table: pd.DataFrame | None = None) -> Roles:
    """The role of each column but those of labels; `table` are its cells, by which patients without a heading are
    found.

    Raises:
        UserError: a column that is named is not there.
    """
    roles = Roles()
    _check_free(profiles, said)
    free = {name: found for name, found in profiles.items() if name not in said.labels}
    for name in said.left:
        roles.left[column_called(name, "leave-out", free)] = "was named with --leave-out"
    free = {name: found for name, found in free.items() if name not in roles.left}
    roles.split = column_called(said.split, "split", free) if said.split is not None else None
    used = {column_called(name, "use", free) for name in said.use}
    find_images(roles, free, said, table)
    find_patient(roles, {name: found for name, found in free.items() if name not in used}, said, table)
    _find_single(roles, {name: found for name, found in free.items() if name not in used}, said)
    find_view(roles, {name: found for name, found in free.items() if name not in used}, said)
    find_rows(roles, free, said)
    _find_groups(roles, {name: found for name, found in free.items() if name not in used}, said, folds)
    _find_texts(roles, free, said)
    find_inputs(roles, free, said.labels, used)
    roles.unsure += [
        f"{name} may be a split: say --split {quoted(name)} to test on its parts"
        for name in roles.left
        if name in free
        and ((free[name].called(*SPLIT) and free[name].distinct <= MOST_PARTS) or are_sides(free[name].words.index))
    ]
    return roles


def _check_free(profiles: dict[str, Profile], said: UserRoles) -> None:
    """Raise UserError where a user names the label for another role, or for a role what is left out."""
    left = {column_called(name, "leave-out", profiles) for name in said.left}
    for role, option in OPTIONS.items():
        given = getattr(said, role) or ()
        for word in [given] if isinstance(given, str) else given:
            name = NONE if word == NONE else column_called(word, option, profiles)
            if name in said.labels:
                raise UserError(f"--{option}: found {name!r}, which is the label. Name another column.")
            if name in left and role != "left":
                raise UserError(f"--{option}: found {name!r}, which --leave-out leaves out. Say one of both.")


def _find_single(roles: Roles, free: dict[str, Profile], said: UserRoles) -> None:
    wanted = [("site", said.site, SITE), ("date", said.date, DATE)]
    for role, given, names in wanted:
        if given is not None:
            found = None if given == NONE else column_called(given, role, free)
        else:
            fit = (name for name, one in free.items() if _fits(role, one, names))
            found = next((name for name in fit if name not in roles.used), None)
        setattr(roles, role, found)
    fit = (name for name, one in free.items() if one.unique and one.kind == "id" and one.named and not one.names_files)
    roles.case = next((name for name in fit if name not in roles.used), None) if roles.image is None else None


def _fits(role: str, found: Profile, names: tuple[str, ...]) -> bool:
    if role == "date":
        return found.kind == "date" and not found.called(*BIRTH)
    return found.called(*names) and found.kind in ("category", "words", "yes/no") and 2 <= found.distinct <= MOST_SITES


def _find_groups(roles: Roles, free: dict[str, Profile], said: UserRoles, folds: int) -> None:
    if said.group_by is not None:
        roles.group_by = [column_called(name, "group-by", free) for name in said.group_by if name != NONE]
        roles.why["group_by"] = "was named with --group-by"
        return
    for name, found in free.items():
        repeated = 1 < found.distinct < found.filled
        if name in roles.used or not repeated or found.kind in ("text", "date", "empty", "url"):
            continue
        is_mark = found.called(*APART) and (found.kind in MARKS or found.distinct > 20 or _are_few_rows_each(found))
        if name in roles.left or not found.named:
            continue
        if is_mark or found.kind == "id":
            share = found.words.iloc[0] / found.rows
            if share > 1 / folds:
                roles.left[name] = f"keeps {share:.0%} of the rows in one fold, which is too much"
            else:
                roles.group_by.append(name)


def _are_few_rows_each(found: Profile) -> bool:
    """Whether a column of few words holds codes of a few rows each: those of cases, and not of visits or studies."""
    codes = found.words.index.str.contains(r"\d\d").mean() > 0.5
    return bool(codes) and found.distinct >= FEWEST_CODES and found.filled <= MOST_ROWS_OF_A_CODE * found.distinct


def _find_texts(roles: Roles, free: dict[str, Profile], said: UserRoles) -> None:
    if said.texts is not None:
        texts = [column_called(name, "text", free) for name in said.texts if name != NONE]
        for name, found in free.items():
            if found.kind == "text" and name not in texts:
                roles.left[name] = "is a text that --text does not name"
    else:
        left = [found for name, found in free.items() if name not in roles.used and found.kind == "text"]
        for found in left:
            if found.called(*OF_FILE):
                roles.left[found.name] = "is of the file, not of the patient"
        left = [found for found in left if found.name not in roles.left]
        texts = [found.name for found in sorted(left, key=lambda found: -found.filled)]
    for name in texts:
        roles.texts[_section(name, roles.texts)] = name


def _section(name: str, taken: Iterable[str]) -> str:
    plain = column_name(name, taken)
    return plain if plain in SECTIONS else column_name(name, {*taken, *taken_names()})

"""Which role each column of a table plays in a study, and why."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lungfuse.errors import UserError
from lungfuse.ingest.reports import taken_names
from lungfuse.init.profile import Profile
from lungfuse.init.words import column_name, grouped_views
from lungfuse.settings.problems import suggestion
from lungfuse.tables.ingest import SECTIONS

PATIENT = ("patient", "patientid", "patients", "subject", "subjectid", "participant", "person", "mrn", "pid", "pat")
SITE = ("hospital", "site", "center", "centre", "institution", "clinic", "institute", "location", "source", "cohort")
DATE = ("date", "datum", "studydate", "fecha")
BIRTH = ("birth", "dob", "birthdate", "born")
APART = (
    "doi", "pmid", "pubmed", "publication", "paper", "article", "lesion", "lesionid", "study", "studyid", "studyuid",
    "exam", "examination", "accession", "series", "family", "twin", "visit", "session", "slide", "specimen", "episode",
)  # fmt: skip
VIEW = ("view", "projection", "viewposition", "orientation", "plane")
MODALITY = ("modality",)
NAME_OF_IMAGE = ("image", "images", "file", "filename", "path", "img", "picture", "photo", "filepath", "scan", "xray")
OF_DEVICE = (
    "manufacturer", "scanner", "device", "kvp", "exposure", "model", "width", "height", "px", "pixel", "pixels",
    "spacing", "bits", "dpi", "magnification", "camera",
)  # fmt: skip
OF_FILE = (
    "url", "uri", "license", "licence", "credit", "copyright", "folder", "directory", "path", "filename", "file",
    "split", "fold", "subset", "md5", "sha", "sha256", "checksum", "hash", "annotator", "reader", "index", "unnamed",
)  # fmt: skip
NAMES_PATIENTS = ("constant", "id", "number", "near-number", "words", "category")
MARKS = ("id", "words", "near-number")
MOST_SITES, MOST_VIEWS = 20, 15
FULL_ENOUGH = 0.1  # of the rows
UNIT = re.compile(r"[\[(]\s*([^\])]{1,12}?)\s*[\])]\s*$")


@dataclass(frozen=True)
class Column:
    """A structured column: that of the table, `number` or `category`, and the unit of a number."""

    column: str
    kind: str
    unit: str = ""


@dataclass
class Roles:
    """The columns of a table by their roles. `why` says why of each role, `left` of each column that has none."""

    patient: str | None = None
    site: str | None = None
    date: str | None = None
    case: str | None = None
    image: str | None = None
    view: str | None = None
    views: dict[str, list[str]] = field(default_factory=dict)
    first_view: str = ""
    rows: dict[str, list[str]] = field(default_factory=dict)
    group_by: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def used(self) -> set[str]:
        """Columns of the table that have a role."""
        single = [self.patient, self.site, self.date, self.case, self.image, self.view, *self.rows, *self.group_by]
        return {name for name in [*single, *self.texts.values()] if name} | {
            column.column for column in self.columns.values()
        }


@dataclass(frozen=True)
class UserRoles:
    """The columns that a user names for a role; those that are not named are guessed. `none` keeps a role empty."""

    labels: Sequence[str] = ()
    patient: str | None = None
    site: str | None = None
    date: str | None = None
    image: str | None = None
    view: str | None = None
    group_by: Sequence[str] | None = None
    texts: Sequence[str] | None = None
    left: Sequence[str] = ()


NONE = "none"


def column_called(name: str, option: str, columns: Iterable[str]) -> str:
    """The column that a user means, whose case does not count.

    Raises:
        UserError: there is none.
    """
    columns = list(columns)
    same = [column for column in columns if column == name] or [
        column for column in columns if column.casefold() == name.strip().casefold()
    ]
    if len(same) == 1:
        return same[0]
    if same:
        raise UserError(f"--{option}: found {name!r}, which may be {' or '.join(same)}. Write it as the table does.")
    raise UserError(
        f"--{option}: found {name!r}, but the table has no such column{suggestion(name, columns)}. Its columns are "
        f"{', '.join(columns)}."
    )


def roles_of(profiles: dict[str, Profile], said: UserRoles, folds: int = 5) -> Roles:
    """The role of each column but those of labels.

    Raises:
        UserError: a column that is named is not there.
    """
    roles = Roles()
    free = {name: found for name, found in profiles.items() if name not in said.labels}
    for name in said.left:
        roles.left[column_called(name, "leave-out", free)] = "was named with --leave-out"
    free = {name: found for name, found in free.items() if name not in roles.left}
    _find_images(roles, free, said)
    _find_single(roles, free, said)
    _find_view(roles, free, said)
    _find_groups(roles, free, said, folds)
    _find_texts(roles, free, said)
    _find_inputs(roles, free, said.labels)
    return roles


def _find_images(roles: Roles, free: dict[str, Profile], said: UserRoles) -> None:
    if said.image is not None:
        roles.image = None if said.image == NONE else column_called(said.image, "image-column", free)
        return
    named = {name: found for name, found in free.items() if found.images >= 0.3}
    if named:
        roles.image = max(named.values(), key=_likely_image).name


def _likely_image(found: Profile) -> tuple[float, bool, int]:
    return round(found.images, 1), found.called(*NAME_OF_IMAGE), found.distinct


def _find_single(roles: Roles, free: dict[str, Profile], said: UserRoles) -> None:
    wanted = [("patient", said.patient, PATIENT), ("site", said.site, SITE), ("date", said.date, DATE)]
    for role, given, names in wanted:
        if given is not None:
            found = None if given == NONE else column_called(given, role, free)
        else:
            fit = (name for name, one in free.items() if _fits(role, one, names))
            found = next((name for name in fit if name not in roles.used), None)
        setattr(roles, role, found)
    fit = (name for name, one in free.items() if one.unique and one.kind == "id" and not one.names_files)
    roles.case = next((name for name in fit if name not in roles.used), None) if roles.image is None else None


def _fits(role: str, found: Profile, names: tuple[str, ...]) -> bool:
    if role == "date":
        return found.kind == "date" and not found.called(*BIRTH)
    if not found.called(*names):
        return False
    if role == "patient":
        return found.kind in NAMES_PATIENTS and not found.called("age", "sex", "gender", "name")
    return found.kind in ("category", "words", "yes/no") and 2 <= found.distinct <= MOST_SITES


def _find_view(roles: Roles, free: dict[str, Profile], said: UserRoles) -> None:
    if roles.image is None:
        return
    left = {name: found for name, found in free.items() if name not in roles.used}
    if said.view is not None:
        roles.view = None if said.view == NONE else column_called(said.view, "view", left)
    else:
        fit = (name for name, one in left.items() if one.called(*VIEW) and 1 <= one.distinct <= MOST_VIEWS)
        roles.view = next((name for name in fit if left[name].kind not in ("text", "number", "date")), None)
    if roles.view:
        roles.views = grouped_views(list(left[roles.view].words.index))
        roles.first_view = str(left[roles.view].words.index[0])
    for name, found in left.items():
        if found.called(*MODALITY) and found.kind == "category" and name != roles.view:
            most = str(found.words.index[0])
            roles.rows[name] = [most]
            share = f"{found.words.iloc[0]:,} of {found.rows:,} rows"
            roles.why["rows"] = f"{share} are {most}; others are images of another kind"


def _find_groups(roles: Roles, free: dict[str, Profile], said: UserRoles, folds: int) -> None:
    if said.group_by is not None:
        roles.group_by = [column_called(name, "group_by", free) for name in said.group_by if name != NONE]
        roles.why["group_by"] = "was named with --group-by"
        return
    for name, found in free.items():
        repeated = 1 < found.distinct < found.filled
        if name in roles.used or not repeated or found.kind in ("text", "date", "empty", "url"):
            continue
        is_mark = found.called(*APART) and (found.kind in MARKS or found.distinct > 20)
        if is_mark or found.kind == "id":
            share = found.words.iloc[0] / found.rows
            if share > 1 / folds:
                roles.left[name] = f"keeps {share:.0%} of the rows in one fold, which is too much"
            else:
                roles.group_by.append(name)


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


def _find_inputs(roles: Roles, free: dict[str, Profile], labels: Sequence[str]) -> None:
    for name, found in free.items():
        if name in roles.used or name in roles.left:
            continue
        if reason := _unfit(found):
            roles.left[name] = reason
        else:
            called = column_name(name, {*taken_names(), *roles.columns, *roles.texts, *label_columns(labels)})
            number = found.kind == "number"
            roles.columns[called] = Column(name, "number" if number else "category", unit_of(name) if number else "")


def label_columns(labels: Sequence[str]) -> dict[str, str]:
    """The names under which label columns are read, with those of the table."""
    names: dict[str, str] = {}
    for label in labels:
        names[column_name(label, {*taken_names(), *names})] = label
    return names


def unit_of(name: str) -> str:
    """The unit that a column's name tells, or nothing."""
    if found := UNIT.search(name):
        return found[1]
    return "years" if name.lower() in ("age", "alter", "edad") or name.lower().startswith("age_year") else ""


def _unfit(found: Profile) -> str:
    """Why a column is no input, or nothing."""
    kinds = {
        "empty": "is empty",
        "constant": f"says the same in every row: {found.words.index[0] if found.distinct else ''}",
        "id": "names something, and says nothing of a case",
        "date": "is a date",
        "url": "holds addresses",
        "text": "is a text",
        "words": f"has {found.distinct:,} different words in {found.filled:,} rows",
        "near-number": f"holds {', '.join(map(repr, found.odd))} among numbers; make them numbers to use it",
    }
    if found.images >= 0.3:
        return "names images, as another column does"
    if found.names_files:
        return "names images: say with --images where they are"
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


def missing_words(profiles: dict[str, Profile], roles: Roles, labels: Sequence[str]) -> list[str]:
    """The words that stand for nothing in the columns that the study reads."""
    read = {*roles.used, *labels}
    words = dict.fromkeys(word for name, found in profiles.items() if name in read for word in found.missing)
    return list(words)

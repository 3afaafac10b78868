"""A table of somebody else, with its split, its columns by their roles and what is to be predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.audit.question import Asked, asked_of
from lungfuse.audit.units import joined
from lungfuse.cell_forms import number_of, written_in_one_way
from lungfuse.check.univariate import Outcomes
from lungfuse.duplicates.pictures import Pictures
from lungfuse.errors import UserError
from lungfuse.image_lookup import ImageFiles
from lungfuse.ingest.groups import normalise
from lungfuse.ingest.sides import Split, split_of
from lungfuse.init.guess import roles_of
from lungfuse.init.missing import missing_of
from lungfuse.init.places import places_named_in
from lungfuse.init.profile import Missing, Profile, check_header, profiles_of
from lungfuse.init.roles import Roles, UserRoles, column_called
from lungfuse.settings.table import TableSettings
from lungfuse.sheets import Format, read_sheet, sniff


@dataclass(frozen=True)
class Named:
    """What a user names: columns by their role, words of the label, and folders of images."""

    table: Path
    split: str
    label: Sequence[str] = ()
    positive: Sequence[str] = ()
    missing: Sequence[str] = ()
    patient: str | None = None
    groups: Sequence[str] | None = None
    image: str | None = None
    images: Sequence[Path] = ()
    text: Sequence[str] | None = None
    features: Sequence[str] | None = None
    written: Mapping[str, str | None] = field(default_factory=dict)
    mapping: TableSettings | None = None


@dataclass(frozen=True)
class Audited:
    """A table as it is audited.

    `cells` are its rows as text, empty where missing; `asked` what is to be predicted, or None; `reads` the columns
    that a model may read, `texts` those of free text. `pictures` are the images that could be read, `vectors` of
    (picture, width) what an encoder makes of them; `unreadable` says why for each row whose image could not.
    """

    source: Path
    cells: pd.DataFrame
    profiles: dict[str, Profile]
    roles: Roles
    split: Split
    asked: Asked | None
    why_no_label: str
    reads: list[str]
    texts: list[str]
    files: ImageFiles | None
    pictures: Pictures | None = None
    vectors: np.ndarray | None = None
    unreadable: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def group_columns(self) -> list[str]:
        """Columns whose values name something that several rows may be of: patients first."""
        return [name for name in [self.roles.patient, *self.roles.group_by] if name]

    def codes(self, column: str) -> np.ndarray:
        """What each row is of, by number; -1 where the cell is empty. 017 and 17, P-1 and p1 are the same; (row,)."""
        whole = self.cells[column].map(written_in_one_way)
        return pd.factorize(whole.mask(whole == ""))[0]

    @cached_property
    def groups(self) -> np.ndarray:
        """The group of each row that intervals resample: patients, or what shares any group column; (row,)."""
        columns = [self.roles.patient] if self.roles.patient else self.roles.group_by
        return joined([self.codes(name) for name in columns], len(self))

    @cached_property
    def outcomes(self) -> Outcomes | None:
        if self.asked is None:
            return None
        return Outcomes(self.asked.values, self.asked.names, self.groups, self.asked.exclusive)

    def normalised(self, column: str) -> pd.Series:
        return normalise(self.cells[column])


def read_audited(named: Named) -> Audited:
    """Read a table, its split, label and roles; images are found, and not read yet.

    Raises:
        UserError: the table, its split, a column or a word that is named cannot be used.
    """
    mapping = named.mapping
    form = (
        Format(*(getattr(mapping, name) for name in Format._fields)) if mapping else sniff(named.table, **named.written)
    )
    sheet = read_sheet(named.table, *form)
    check_header(sheet, named.table.name)
    column = column_called(named.split, "split", sheet)
    split = split_of(sheet[column], named.table)
    files = _files(list(named.images) or places_named_in(named.table, form))
    profiles = profiles_of(sheet.drop(columns=column), _share_found(files), _missing(named, sheet))
    asked, why = asked_of(profiles, sheet, named.label, named.positive)
    roles = _roles(named, profiles, asked, sheet)
    if files is not None and roles.image is None and named.images:
        raise UserError(
            f"--images: no column of {named.table} names these images, which are called "
            f"{', '.join(file.called or file.path.name for file in files.files[:3])}. Say --image and the column."
        )
    cells = sheet.copy()
    for name, found in profiles.items():
        cells[name] = cells[name].mask(cells[name].isin(found.missing), "")
        if found.form != "plain":
            cells[name] = cells[name].map(number_of(found.form))
    texts = list(roles.texts.values())
    return Audited(
        named.table, cells, profiles, roles, split, asked, why, _reads(named, profiles, roles, texts), texts, files
    )


def _missing(named: Named, columns: Sequence[str]) -> Missing:
    """Words for missing values that are named, or those of a mapping."""
    found = missing_of(named.missing, columns)
    if named.mapping is None:
        return found
    own = {each.column: each.missing for each in named.mapping.columns.values() if each.missing}
    return Missing([*found.words, *named.mapping.missing], own | found.columns)


def _roles(named: Named, profiles: dict[str, Profile], asked: Asked | None, sheet: pd.DataFrame) -> Roles:
    labels = asked.columns if asked else []
    patient = named.patient or (named.mapping.patient if named.mapping else None)
    known = patient if patient in profiles or patient == "none" else named.patient
    said = UserRoles(
        labels=labels, patient=known, group_by=named.groups, image=named.image and [named.image], texts=named.text
    )  # fmt: skip
    for role, given in {"patient": [named.patient], "image": [named.image], "group": named.groups or []}.items():
        for name in given:
            if name is not None and name != "none":
                column_called(name, role, profiles)
    return roles_of(profiles, said, table=sheet.drop(columns=[name for name in sheet if name not in profiles]))


def _reads(named: Named, profiles: dict[str, Profile], roles: Roles, texts: list[str]) -> list[str]:
    """The columns that a model may read: those that are named, or all that could be an input."""
    if named.features is None:
        return [each.column for each in roles.columns.values()]
    return [name for each in named.features if (name := column_called(each, "features", profiles)) not in texts]


def _files(places: list[Path]) -> ImageFiles | None:
    if not places:
        return None
    for place in places:
        if not place.exists():
            raise UserError(f"--images: {place}: not found. Expected a folder or a .zip file with the images.")
    root = Path(places[0].absolute().anchor)
    return ImageFiles(root, [str(place.absolute().relative_to(root)) for place in places])


def _share_found(files: ImageFiles | None):
    if files is None:
        return None

    def share(cells: Sequence[str]) -> float:
        found = files.find(cells)
        return sum(not isinstance(file, str) for file in found.values()) / max(1, len(found))

    return share

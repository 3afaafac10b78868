"""The columns of a table by the roles that they play in a study, and what a user says of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lungfuse.errors import UserError
from lungfuse.settings.problems import suggestion

NONE = "none"


@dataclass(frozen=True)
class Column:
    """A structured column: that of the table, `number` or `category`, the unit of a number and how it is written."""

    column: str
    kind: str
    unit: str = ""
    form: str = "plain"


@dataclass
class Roles:
    """The columns of a table by their roles. Where a case has several images, `images` are their columns by place, or
    `between` is what stands between them in a cell, of which `most_images` are read. `why` says why of each role,
    `left` of each column that has none; `unsure` is what a user should look at, with the option that says otherwise."""

    patient: str | None = None
    patient_pattern: str | None = None
    same_numbers: bool = False
    site: str | None = None
    date: str | None = None
    case: str | None = None
    image: str | None = None
    images: dict[str, str] = field(default_factory=dict)
    between: str = ""
    most_images: int = 1
    view: str | None = None
    views: dict[str, list[str]] = field(default_factory=dict)
    first_view: str = ""
    split: str | None = None
    rows: dict[str, list[str]] = field(default_factory=dict)
    group_by: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)

    @property
    def places(self) -> list[str]:
        """The places of the images of a case, where it has several."""
        return list(self.images) or ([str(number + 1) for number in range(self.most_images)] if self.between else [])

    @property
    def used(self) -> set[str]:
        """Columns of the table that have a role."""
        single = [
            self.patient,
            self.site,
            self.date,
            self.case,
            self.image,
            self.view,
            self.split,
            *self.images.values(),
            *self.rows,
            *self.group_by,
        ]
        return {name for name in [*single, *self.texts.values()] if name} | {
            column.column for column in self.columns.values()
        }


@dataclass(frozen=True)
class UserRoles:
    """The columns that a user names for a role; those that are not named are guessed. `none` keeps a role empty."""

    labels: Sequence[str] = ()
    patient: str | None = None
    patient_pattern: str | None = None
    same_numbers: bool | None = None
    site: str | None = None
    date: str | None = None
    image: Sequence[str] | None = None
    view: str | None = None
    group_by: Sequence[str] | None = None
    texts: Sequence[str] | None = None
    left: Sequence[str] = ()
    split: str | None = None
    use: Sequence[str] = ()
    rows: Sequence[str] | None = None


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

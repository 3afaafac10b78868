"""Tables as CSV files: checked when they are read and before they are written."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pandera.pandas as pa
from pandera.api.dataframe.model_components import FieldInfo
from pandera.errors import SchemaErrors

from lungfuse.errors import UserError
from lungfuse.files import atomic_write, where_not_utf8

pd.options.mode.string_storage = "python"  # or texts would be treated otherwise where pyarrow is installed


class Table(pa.DataFrameModel):
    """A CSV file with a header. An empty cell is an empty string; only in a nullable column it is a missing value."""

    class Config:
        coerce = True


TRUTHS = {"True": True, "False": False}
MEANING_OF_CHECK = {
    "field_uniqueness": "no value twice",
    "not_nullable": "no missing value (an empty cell is an empty text, not NaN)",
}
AnyTable = TypeVar("AnyTable", bound=Table)


def by_label(kind: str, **checks) -> FieldInfo:
    """A column called `kind` or, where a task has several labels or classes, one a label: <kind>_<label>."""
    return pa.Field(alias=f"^{kind}(_.+)?$", regex=True, **checks)


def with_limits_of(metric: str) -> FieldInfo:
    """The columns of a metric and of the limits of its interval, <metric>_low and <metric>_high, which may be empty."""
    return pa.Field(alias=f"^{metric}(_low|_high)?$", regex=True, nullable=True)


def columns(table: type[Table], found: Iterable[str] = ()) -> list[str]:
    """The column names of `table`, in order.

    Those of labels are the ones that are among `found`; where none is, as of a table that is still empty, the kind. A
    column that a table may lack is named where it is among `found`.
    """
    names = []
    for name, column in table.to_schema().columns.items():
        if not column.required:
            names += [each for each in found if (re.match(name, each) if column.regex else each == name)]
            continue
        kind = name.removeprefix("^").removesuffix("(_.+)?$")
        names += ([each for each in found if re.match(name, each)] or [kind]) if column.regex else [name]
    return names


def read_table(path: Path, table: type[AnyTable]) -> pd.DataFrame:
    """Read and check a CSV file.

    Raises:
        UserError: the file is missing, is no CSV in UTF-8, has a row of more or fewer fields than its header, lacks a
            column, or holds a value its column does not allow.
    """
    return checked(_read_csv(path, table), table, path)


def checked(
    frame: pd.DataFrame, table: type[AnyTable], source: Path | str, remedy: str = "Fix or replace the file."
) -> pd.DataFrame:
    """`frame` with the types of `table`; `source` and `remedy` are named when it does not fit."""
    expected = columns(table, frame)
    missing = [name for name in expected if name not in frame]
    if missing:
        raise UserError(
            f"{source}: no column {', '.join(missing)}; found {', '.join(frame)}. "
            f"Expected the columns {', '.join(expected)}. {remedy}"
        )
    try:
        return _known_as_int(table.validate(frame, lazy=True), table)
    except SchemaErrors as errors:
        first = errors.failure_cases.iloc[0]
        raise UserError(
            f"{source}: column {first['column']}, row {first['index']}: found '{first['failure_case']}', expected "
            f"{MEANING_OF_CHECK.get(first['check'], first['check'])} ({len(errors.failure_cases)} values in all). "
            f"{remedy}"
        ) from errors


def write_table(frame: pd.DataFrame, path: Path, table: type[AnyTable], others: Iterable[str] = ()) -> None:
    """Write the columns of `table`, checked, and after them `others`, as CSV."""
    with atomic_write(path) as stream:
        shown = [*columns(table, frame), *others]
        checked(frame, table, path)[shown].to_csv(stream, index=False, lineterminator="\n")


def _known_as_int(frame: pd.DataFrame, table: type[Table]) -> pd.DataFrame:
    """Labels as whole numbers, where all that are known are some; as plain ones, where all are known."""
    kinds = [re.compile(name) for name, column in table.to_schema().columns.items() if column.regex]
    known = {}
    for name, values in frame.items():
        if values.dtype == "Float64" and any(kind.match(name) for kind in kinds):
            whole, complete = (values.dropna() % 1 == 0).all(), values.notna().all()
            known[name] = (int if complete else "Int64") if whole else (float if complete else "Float64")
    return frame.astype(known)


def _read_csv(path: Path, table: type[Table]) -> pd.DataFrame:
    try:
        header = _check_rows(path, table)
        schema = table.to_schema().columns
        nullable = [name for key, column in schema.items() if column.nullable for name in header if _is(name, key)]
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values={name: [""] for name in nullable})
        return _with_truths(frame, [name for name, column in schema.items() if str(column.dtype) == "bool"], path)
    except UnicodeDecodeError:
        raise UserError(f"{path}: cannot be read as CSV; {where_not_utf8(path)}") from None
    except FileNotFoundError:
        raise UserError(
            f"{path}: not found. Expected a CSV file with the columns {', '.join(columns(table))}: "
            "run the stage that writes it, or put it there."
        ) from None
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error}). Replace the file.") from error


def _with_truths(frame: pd.DataFrame, names: list[str], path: Path) -> pd.DataFrame:
    """Columns of True and False as such: any text would be taken for true."""
    for name in names:
        if wrong := sorted(set(frame.get(name, [])) - set(TRUTHS)):
            raise UserError(
                f"{path}: column {name}: found {wrong[0]!r}, expected True or False. Fix or replace the file."
            )
    return frame.assign(**{name: frame[name].map(TRUTHS).astype(bool) for name in names if name in frame})


def _is(name: str, key: str) -> bool:
    """Whether a column is the one that a schema has under a key, its name or a pattern."""
    return name == key or (key[0] == "^" and re.match(key, name) is not None)


def _check_rows(path: Path, table: type[Table]) -> list[str]:
    """The header of a file.

    Refused is what pandas would fix by guessing: too many or few fields, stray quotes, a column that comes twice.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.reader(stream, strict=True)
        try:
            header = next(rows, [])
            for row in rows:
                if row and len(row) != len(header):
                    raise UserError(
                        f"{path}: line {rows.line_num}: found {len(row)} fields, expected the {len(header)} of the "
                        "header. Put quotes around a field that holds a comma, or fix the row."
                    )
        except csv.Error as error:
            raise UserError(f"{path}: line {rows.line_num}: {error}. Fix the quotes.") from error
    twice = [name for name in columns(table, header) if header.count(name) > 1]
    if twice:
        raise UserError(f"{path}: found the column {', '.join(twice)} more than once. Rename or remove one.")
    return header

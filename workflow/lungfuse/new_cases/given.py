"""What a user gives to be predicted: words of the command line, and tables in whatever form they are written."""

from contextlib import suppress
from pathlib import Path

import pandas as pd

from lungfuse.datasets._table_images import named_images, with_views
from lungfuse.datasets.table import read_column, read_formatted
from lungfuse.errors import UserError
from lungfuse.parquet import is_parquet
from lungfuse.settings.table import TableFormat, TableReading
from lungfuse.sheets import seen


def check_characters(option: str, value: str, path: bool = False) -> None:
    """See that an option holds nothing but text; a path may hold bytes of any encoding, but no NUL.

    Raises:
        UserError: it holds something else.
    """
    if "\0" in value:
        raise UserError(f"{option}: found a NUL character in {value[:60]!r}, expected text. Leave it out.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        byte = ord(value[error.start]) - 0xDC00  # as Python keeps a byte that it cannot read
        if not path:
            raise UserError(
                f"{option}: character {error.start + 1} is the byte 0x{byte:02x}, which is not UTF-8. Give the text in "
                "UTF-8, or in a table with --cases."
            ) from None


def read_written(path: Path, reading: TableReading) -> pd.DataFrame:
    """The cells of a table of cases under the names that a model knows, with the column id.

    It is written as the table of the study was, or as plain CSV: with commas, in UTF-8. Its columns are called as in
    that table, or as the model calls them; without id a case is called as in the study, or by the number of its row.
    Words for missing values are empty, and numbers plain.
    """
    table = read_formatted(path, _format_of(path, reading).model_copy(update={"missing": []}))
    own = table.copy()
    found = {name: own[heading] for name, heading in _headings(reading).items() if name not in own and heading in own}
    table = table.assign(**found)
    table = table.mask(table.isin(reading.missing), "") if reading.missing else table
    for column in {each.column: each for each in reading.classes.values()}.values():
        if column.column in own:
            table[column.column] = own[column.column]  # a word for missing values may be that of a class
    for name, column in reading.columns.items():
        if name in table:
            table[name] = read_column(table[name], column)
    table = table.assign(id=own["id"] if "id" in own else _ids(own, reading))
    several = reading.image_between or reading.case_rows
    return _with_images(table, own, reading) if several and reading.image in own else table


def _headings(reading: TableReading) -> dict[str, str]:
    """The headings of what a model reads, by its names."""
    single = {"patient": reading.patient} | _by_part("image", reading.image) | _by_part("text", reading.text)
    columns = {name: column.column for name, column in reading.columns.items()}
    return columns | {name: heading for name, heading in single.items() if heading}


def _by_part(name: str, heading: str | dict[str, str] | None) -> dict[str, str | None]:
    """The heading of an image or text, or those of several by what a model calls each."""
    return {f"{name}_{part}": own for part, own in heading.items()} if isinstance(heading, dict) else {name: heading}


def _with_images(table: pd.DataFrame, own: pd.DataFrame, reading: TableReading) -> pd.DataFrame:
    """A row a case with its several images, a column image_<view> each."""
    images = named_images(own, reading)
    images = images.assign(report_id=table["id"].reindex(images.index))
    images = with_views(images, own, reading).drop_duplicates(["report_id", "view"])
    wide = images.pivot(index="report_id", columns="view", values="cell").rename(columns="image_{}".format)
    cases = table[~table["id"].duplicated()] if reading.case_rows else table
    return cases.join(wide, on="id").fillna(dict.fromkeys(wide, ""))


def _ids(table: pd.DataFrame, reading: TableReading) -> pd.Series:
    for heading in [reading.case, reading.image]:
        unique = isinstance(heading, str) and heading in table and (reading.case_rows or table[heading].is_unique)
        if unique and (table[heading] != "").all():
            return table[heading]
    return pd.Series([f"row{number}" for number in range(1, len(table) + 1)], table.index, dtype=str)


def _format_of(path: Path, written: TableReading) -> TableFormat:
    if not path.is_file() or is_parquet(path):
        return written
    encoding, data = written.encoding, path.read_bytes()
    with suppress(UnicodeDecodeError):
        if b"\0" not in data and data.decode("utf-8"):
            encoding = "utf-8"
    with suppress(LookupError, UnicodeDecodeError):
        header = data.decode(encoding).removeprefix("\ufeff").partition("\n")[0]
        known = {"id", *_headings(written), *_headings(written).values()}
        as_written, plain = (
            {seen(field).strip('"') for field in header.split(each)} for each in [written.separator, ","]
        )
        if len(known & plain) > len(known & as_written):
            return written.model_copy(update={"encoding": encoding, "separator": ",", "thousands": ""})
    return written.model_copy(update={"encoding": encoding})

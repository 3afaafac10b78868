"""What a user gives to be predicted: words of the command line, and tables in whatever form they are written."""

from contextlib import suppress
from pathlib import Path

import pandas as pd

from lungfuse.datasets.table import read_formatted
from lungfuse.errors import UserError
from lungfuse.settings.table import TableFormat


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


def read_written(path: Path, written: TableFormat) -> pd.DataFrame:
    """The cells of a table of cases that is written as that of the study was, or as plain CSV: with commas, in UTF-8.

    Words for missing values are empty, but not in the column id.
    """
    table = read_formatted(path, _format_of(path, written).model_copy(update={"missing": []}))
    known = table.mask(table.isin(written.missing), "")
    return known.assign(id=table["id"]) if "id" in table else known


def _format_of(path: Path, written: TableFormat) -> TableFormat:
    if not path.is_file():
        return written
    encoding, data = written.encoding, path.read_bytes()
    with suppress(UnicodeDecodeError):
        if b"\0" not in data and data.decode("utf-8"):
            encoding = "utf-8"
    with suppress(LookupError, UnicodeDecodeError):
        header = data.decode(encoding).removeprefix("\ufeff").partition("\n")[0]
        fields = [field.strip().strip('"') for field in header.split(written.separator)]
        if "id" not in fields:
            return written.model_copy(update={"encoding": encoding, "separator": ","})
    return written.model_copy(update={"encoding": encoding})

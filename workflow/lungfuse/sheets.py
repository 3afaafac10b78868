"""Tables of others: a CSV file of any separator and encoding, or a Parquet file, as text cells."""

import codecs
import csv
import io
import itertools
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from lungfuse.above_header import lines_above
from lungfuse.encodings import decoded, doubts_of_letters, encoding_of
from lungfuse.errors import UserError
from lungfuse.numerals import Numerals, numerals_of, with_points
from lungfuse.parquet import is_parquet, read_parquet

SEPARATORS = [",", ";", "\t", "|"]
SAMPLE = 500  # rows that `sniff` looks at
NOT_TABLES = {  # by their first bytes
    rb"PK\x03\x04": "an Excel workbook or another zip file. In Excel choose Save As, CSV UTF-8",
    rb"\xd0\xcf\x11\xe0": "an old Excel workbook. In Excel choose Save As, CSV UTF-8",
    rb"\x1f\x8b": "compressed. Unpack it, as with gunzip",
    rb"%PDF": "a PDF. Save the table as CSV",
    rb"\$FL2": "a file of SPSS. Save the table as CSV",
    rb"<stata_dta": "a file of Stata. Save the table as CSV",
    rb"(?i)<(!doctype|html|head|table|meta|style|div|\?xml)\b": "a web page or XML, as some programs write for Excel. "
    "Open it in Excel, choose Save As, CSV UTF-8",
    rb'(\[\s*)?\{\s*"': "JSON. Save the table as CSV",
}
SPACES = re.compile(r"[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
UNSEEN = re.compile(r"[\u200b\u200e\u200f\u2060\ufeff\u00ad]|^[\u200c\u200d]+|[\u200c\u200d]+$")
NUMBER = re.compile(r"[+-]?\d[\d.,' ]*", re.ASCII)
SIGNS = str.maketrans("\u2212\uff0d\uff0b\uff0e\uff0c\u066b\u066c", "--+.,.,")  # of a minus, full width, and Arabic
EXCELS_FIRST_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
csv.field_size_limit(1 << 26)  # where the library stops at texts of 128 kB


class Format(NamedTuple):
    """How the cells of a CSV file are written; of a Parquet file it says nothing."""

    separator: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str = ""


class Sniffed(NamedTuple):
    """How a table is written, and what is unsure of it, in words."""

    form: Format
    unsure: list[str]


class Sample(NamedTuple):
    """The header and the first rows of a file, and in words what stands above them, if something does."""

    above: list[str]
    header: list[str]
    rows: list[list[str]]


def read_sheet(
    path: Path, separator: str = ",", encoding: str = "utf-8", decimal: str = ".", thousands: str = ""
) -> pd.DataFrame:
    """The cells of a CSV or Parquet file as text without spaces around; an empty or null cell is an empty text.

    Letters and headings are in their composed form (Unicode NFC), without characters that nobody sees, such as
    zero-width spaces; a hard space is a space. Numbers have the digits and signs of ASCII.

    A row without any content is left out, and lines above the header, such as a title. A column without a name and
    content is left out; one that has content is called by its place, column1 for the first. With `decimal` "," a cell
    3,5 becomes 3.5, and with `thousands` "," a cell 1,517 becomes 1517. No word is taken for a missing value.

    Raises:
        UserError: the file is missing, empty, of another kind or encoding, has no row or a row that does not fit its
            header, stray quotes, or two columns of one name.
    """
    if not path.is_file():
        raise UserError(f"{path}: {'is a folder' if path.is_dir() else 'not found'}. Expected a CSV or Parquet file.")
    if is_parquet(path):
        return _checked(read_parquet(path).rename(columns=seen).map(seen), path)
    _check_kind(path)
    header, rows = _read_csv(path, separator, encoding)
    table = pd.DataFrame(rows, columns=range(len(header)), dtype=object).apply(_seen_cells)
    table = table.apply(with_points, args=(decimal, thousands))
    nameless = [place for place, name in enumerate(header) if not name and (table[place] == "").all()]
    names = {place: name or f"column{place + 1}" for place, name in enumerate(header) if place not in nameless}
    return _checked(table[list(names)].set_axis(list(names.values()), axis=1), path)


def seen(text: str) -> str:
    """A text as it is seen: composed letters, no zero-width characters, no spaces around it; of a number in digits of
    another script, those of ASCII."""
    if text.isascii():
        return text.strip()
    found = UNSEEN.sub("", SPACES.sub(" ", unicodedata.normalize("NFC", text))).strip()
    number = "".join(str(unicodedata.decimal(sign, sign)) for sign in found).translate(SIGNS)
    return number if NUMBER.fullmatch(number) else found


def sniff(path: Path, **said: str | None) -> Format:
    """How a CSV file is written, so that `read_sheet` reads it: by its first bytes, and its first rows.

    What a user has `said` of it goes before.

    Raises:
        UserError: the file is missing, empty or of another kind, or a byte of it is not of its encoding.
    """
    return sniffed(path, **said).form


def sniffed(path: Path, **said: str | None) -> Sniffed:
    """How a CSV file is written, with what is unsure; see `sniff`."""
    if not path.is_file():
        raise UserError(f"{path}: {'is a folder' if path.is_dir() else 'not found'}. Expected a CSV or Parquet file.")
    if is_parquet(path):
        return Sniffed(Format(), [])
    _check_kind(path)
    said = {name: value for name, value in said.items() if value is not None}
    encoding, guessed = (said["encoding"], False) if said.get("encoding") else encoding_of(path.read_bytes())
    text = decoded(path, encoding)
    separators = list(dict.fromkeys([said["separator"]] if "separator" in said else SEPARATORS))
    if "separator" not in said and (first := EXCELS_FIRST_LINE.match(text)):
        separators = [first[1]]
    samples = {separator: _sample(path, text, separator) for separator in separators}
    separator = max(separators, key=lambda each: _fit(samples[each]))
    above, header, rows = samples[separator]
    columns = [[seen(cell) for cell in cells] for cells in itertools.zip_longest(*rows, fillvalue="")]
    found = numerals_of(zip(header, columns, strict=False), separator, said.get("decimal"))
    unsure = [*doubts_of_letters(path.name, text, encoding, guessed), *above]
    unsure += [found.unsure] if found.unsure and not {"decimal", "thousands"} & {*said} else []
    return Sniffed(Format(separator, encoding, *_marks(found, said)), unsure)


def _marks(found: Numerals, said: dict[str, str]) -> tuple[str, str]:
    """What parts decimals, and what parts thousands: what is said goes before what was found."""
    decimal, thousands = said.get("decimal", found.decimal), said.get("thousands", found.thousands)
    if decimal != thousands:
        return decimal, thousands
    other = {".": ",", ",": "."}[decimal]
    if {"decimal", "thousands"} <= {*said}:
        raise UserError(
            f"--thousands {thousands}: is the mark of decimals, too. Say --decimal {other} with it, or leave one out."
        )
    return (decimal, "") if "decimal" in said else (other, thousands)


def _check_kind(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(64).removeprefix(codecs.BOM_UTF8)
    if not start:
        raise UserError(f"{path}: is empty. Expected a table with a header and a row a case.")
    for mark, kind in NOT_TABLES.items():
        if re.match(mark, start.lstrip()):
            raise UserError(f"{path}: is {kind}, and name that file.")


def _read_csv(path: Path, separator: str, encoding: str) -> tuple[list[str], list[list[str]]]:
    """The header, with spaces around names taken off, and the rows that have content."""
    rows = list(_rows(path, decoded(path, encoding), separator))
    if not rows:
        raise UserError(f"{path}: is empty. Expected a table with a header and a row a case.")
    above = lines_above([row for _, row in rows[:SAMPLE]])
    header = [seen(name) for name in rows[above][1]]
    for line, row in rows[above + 1 :]:
        if len(row) != len(header):
            raise UserError(_misfit(path, line, len(row), header, separator))
    return header, [row for _, row in rows[above + 1 :]]


def _rows(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that have content, each with the line in which it ends."""
    stream = io.StringIO(text, newline="")
    if not EXCELS_FIRST_LINE.match(stream.readline()):
        stream.seek(0)
    reader = csv.reader(stream, delimiter=separator, strict=True)
    try:
        yield from ((reader.line_num, row) for row in reader if any(map(seen, row)))
    except csv.Error as error:
        raise UserError(
            f'{path}: line {reader.line_num}: {error}. A quote inside a quoted field is written twice: "". '
            "Fix the quotes."
        ) from error


def _misfit(path: Path, line: int, found: int, header: list[str], separator: str) -> str:
    other = next((each for each in SEPARATORS if each != separator and each in header[0]), None)
    if len(header) == 1 and other:
        return (
            f"{path}: the header is one field, {header[0][:60]!r}; expected fields between {separator!r}. "
            f"Say separator: {other!r}."
        )
    return (
        f"{path}: line {line}: found {found} fields, expected the {len(header)} of the header. Put quotes around a "
        f"field that holds {separator!r}, or fix the row."
    )


def _sample(path: Path, text: str, separator: str) -> Sample:
    """The first rows as far as they can be read."""
    found: list[tuple[int, list[str]]] = []
    with suppress(UserError):
        found += itertools.islice(_rows(path, text, separator), SAMPLE)
    above = lines_above([row for _, row in found])
    (line, header), *rows = found[above:] or [(1, [])]
    first = separator.join(found[0][1]).strip(f"{separator} ")[:60] if above else ""
    said = [f"the header was found in line {line}; left out is what stands above, {first!r}"] if above else []
    return Sample(said, header, [row for _, row in rows])


def _fit(sample: Sample) -> tuple[bool, float, bool, int]:
    """How well rows fit their header: whether it has several fields, the share that has as many, whether it is the
    first line, and how many."""
    width = len(sample.header)
    same = (1 + sum(len(row) == width for row in sample.rows)) / (1 + len(sample.rows))
    return width > 1, same, not sample.above, width


def _seen_cells(cells: pd.Series) -> pd.Series:
    return pd.Series([seen(cell) for cell in cells], cells.index, dtype=object)


def _checked(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise UserError(
            f"{path}: found the column {', '.join(dict.fromkeys(twice))} more than once. Rename or remove one."
        )
    if table.empty:
        raise UserError(
            f"{path}: has a header and no rows. Expected a row a case; the columns are {', '.join(table) or 'none'}."
        )
    return table.astype(str).reset_index(drop=True)

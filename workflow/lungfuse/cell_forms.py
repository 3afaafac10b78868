"""Forms of cells that mean a number or a day: ages as DICOM writes them, numbers with their unit, dates of any form."""

import re
from collections.abc import Callable, Iterable
from typing import Literal

import pandas as pd

from lungfuse.numerals import UNIT

Form = Literal["plain", "age", "unit", "at-least"]
AGE = re.compile(r"0*(\d{1,3})\s*([YMWDymwd])")  # DICOM PS3.5, value representation AS
YEARS_OF = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
AT_LEAST = re.compile(r"(\d+)\s*[+]")
WITH_UNIT = re.compile(rf"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*({UNIT})")
MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
CLOCK = r"([T ]\d{1,2}:\d\d(:\d\d(\.\d+)?)?\s*([AaPp][Mm]|Z|[+-]\d\d:?\d\d)?)?"
YEAR = re.compile(r"(19|20)\d\d")
PACKED = re.compile(r"(19|20)\d\d[01]\d[0-3]\d")
DATE = re.compile(
    rf"(\d{{4}}[-/]\d{{1,2}}|\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[./-]\d{{1,2}}[./-](\d{{4}}|\d{{2}})|{MONTH}\s+(\d{{1,2}},?\s+)?\d{{4}}"
    rf"|\d{{1,2}}[. -]*{MONTH}[ -]*\d{{2,4}}|\d{{4}}年\d{{1,2}}月(\d{{1,2}}日)?){CLOCK}",
    re.IGNORECASE,
)
TIME = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?")
DICOM_TIME = re.compile(r"\d{6}(\.\d+)?")
SERIAL = re.compile(r"[2-6]\d{4}(\.\d+)?")  # days since 1899-12-30, as Excel counts them: 1954 to 2091
BEFORE_DIGITS = re.compile(r"(?<=[^\W\d_])[\s_-]+(?=\d)")
WHOLE = re.compile(r"0*(\d+)(\.0+)?")
NUMBERED_DAY = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})")


def number_of(form: Form) -> Callable[[str], str]:
    """What makes a cell of a form a plain number; other cells stay as they are, so that they are refused as such."""
    return {"plain": str, "age": _years, "unit": _bare, "at-least": _limit}[form]


def unit_in(cells: Iterable[str]) -> str | None:
    """The one unit that stands behind all numbers of a column, or None; a number may be without it."""
    found = {parts[2] if (parts := WITH_UNIT.fullmatch(cell)) else "" if _is_plain(cell) else None for cell in cells}
    units = found - {""}
    return units.pop() if len(units) == 1 and None not in found else None


def checked_pattern(text: str) -> str:
    """A regular expression; ValueError if it is none."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"found {text!r}, expected a regular expression ({error})") from None
    return text


def whole_number(cell: str) -> str:
    """A number as it is without zeros before it or behind its point: 017, 17 and 17.0 are the same."""
    return found[1] if (found := WHOLE.fullmatch(cell)) else cell


def written_in_one_way(cell: str) -> str:
    """The number of a patient without what people leave out or add: 017 and 17.0 are 17, P-001 and p 001 are p001."""
    return whole_number(BEFORE_DIGITS.sub("", cell).casefold())


def days_of(dates: pd.Series) -> pd.Series:
    """Dates as days since 1970 in words that are whole numbers; empty where there is none, or it is none.

    3/4/2021 is in April where the table has a date such as 13/4/2021, and in March where it has 3/13/2021, or neither
    of both and no point between; Excel's 44675 is 2022-04-24.
    """
    serial = dates.map(lambda cell: bool(SERIAL.fullmatch(cell)))
    plain = dates.mask(serial | (dates == "")).str.replace(
        r"^(\d{4})年(\d{1,2})月(?:(\d{1,2})日)?.*", r"\1-\2-\3", regex=True
    )
    plain = plain.str.replace(r"-$", "-1", regex=True).str.replace(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", regex=True)
    found = pd.to_datetime(plain, errors="coerce", format="mixed", utc=True, dayfirst=day_first(dates))
    days = (found - pd.Timestamp("1970-01-01", tz="UTC")).dt.days.astype("Float64")
    counted = pd.to_numeric(dates.where(serial), errors="coerce") - 25_569
    days = days.fillna(counted.astype("Float64"))
    return days.map(lambda day: "" if pd.isna(day) else str(int(day // 1))).astype(object)


def day_first(dates: Iterable[str]) -> bool:
    """Whether days stand before months in dates of numbers alone."""
    parts = [found for cell in dates if (found := NUMBERED_DAY.match(cell))]
    if any(int(found[2]) > 12 for found in parts):
        return False
    return any(int(found[1]) > 12 or "." in found[0] for found in parts)


def _is_plain(cell: str) -> bool:
    return bool(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", cell))


def _years(cell: str) -> str:
    if found := AGE.fullmatch(cell):
        return f"{int(found[1]) * YEARS_OF[found[2].upper()]:g}"
    return cell


def _limit(cell: str) -> str:
    found = AT_LEAST.fullmatch(cell)
    return found[1] if found else cell


def _bare(cell: str) -> str:
    found = WITH_UNIT.fullmatch(cell)
    return found[1] if found else cell

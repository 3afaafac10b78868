"""How numbers are written in the cells of a table: what parts decimals, and what parts thousands."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

COMPARED = "<>≤≥~ "  # before a number
UNIT = r"[^\d\s<>≤≥~.,+-][^\d\s]{0,11}"  # behind a number
PARTS = re.compile(
    rf"(?P<before>[{COMPARED}]*)(?P<number>[+-]?[\d.,'’ ]*\d\.?([eE][+-]?\d+)?)(?P<behind>\s*(?P<unit>{UNIT})?)"
)
PLAIN = re.compile(r"[+-]?\d+")
POINT = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?")
SURE_COMMA = re.compile(r"[+-]?(0,\d+|\d+,(\d{1,2}|\d{4,})|\d{4,},\d+|\d{1,3}(\.\d{3})+,\d+)([eE][+-]?\d+)?")
DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?")
FEW_DECIMALS = re.compile(r"[+-]?(0,\d+|\d+,\d{1,2})")
APART = {
    mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+(?:(?P<point>[{'.,'.replace(mark, '')}])\d+)?")
    for mark in ",.' ’"
}
SPACED = "'’ "  # marks between thousands that never part decimals
MOST_RISING = 0.75  # of the pairs of numbers in decimals; of lists, such as 1,3, all are

Columns = Mapping[str, Sequence[str]]  # the numbers of each column as they are written


class Numerals(NamedTuple):
    """What parts decimals, and what parts thousands, or nothing; `unsure` says what else they may be, in words."""

    decimal: str = "."
    thousands: str = ""
    unsure: str = ""


def numerals_of(columns: Iterable[tuple[str, Sequence[str]]], separator: str, decimal: str | None = None) -> Numerals:
    """How the numbers of some columns, each with its heading, are written; `decimal` is the mark that a user says.

    A comma before other than three digits is one of decimals, and points beside it are those of thousands. Commas or
    points before three digits everywhere are those of thousands, unless numbers show otherwise; that is unsure where
    no second mark or other number beside them makes it certain.
    """
    numbers = {name: found for name, cells in columns if (found := _numbers(cells))}
    if decimal == "," or (separator != "," and any(map(_has_decimal_commas, numbers.values()))):
        return _beside_commas(numbers)
    for rule in [_spaced, _points_apart, _commas_apart, _quoted_commas]:
        if found := rule(numbers, separator):
            return found
    return Numerals()


def with_points(cells: pd.Series, decimal: str, thousands: str) -> pd.Series:
    """A column with 3.5 for 3,5 and 1234 for 1,234, where all of its numbers are written so; units stay."""
    if decimal == "." and not thousands:
        return cells
    numbers = _numbers(cells)
    if thousands and not (numbers and all(_reads(cell, decimal, thousands) for cell in numbers)):
        if decimal == ".":
            return cells
        thousands = ""
    grouped = decimal == "," and not thousands and any(APART["."].fullmatch(cell) and "," in cell for cell in numbers)

    def pointed(cell: str) -> str:
        found = PARTS.fullmatch(cell)
        if not found:
            return cell
        number = found["number"]
        if thousands and APART[thousands].fullmatch(number):
            number = number.replace(thousands, "").replace(decimal, ".")
        elif decimal == "," and (DECIMAL_COMMA.fullmatch(number) or (grouped and APART["."].fullmatch(number))):
            number = number.replace(".", "").replace(",", ".")
        return found["before"] + number + found["behind"]

    return cells.map(pointed)


def _beside_commas(numbers: Columns) -> Numerals:
    """How thousands are parted where decimals stand behind a comma."""
    for mark in SPACED:
        if any(_is_parted(mark, cells) for cells in numbers.values()):
            return Numerals(",", mark)
    parted = _grouped(".", numbers)
    if any(_is_sure_point(cell) for cells in numbers.values() for cell in cells) and not _is_sure(".", parted):
        return Numerals(",", unsure=_as_decimals(parted) if parted else "")
    return Numerals(",", "." if parted or _has_both(numbers) else "")


def _spaced(numbers: Columns, separator: str) -> Numerals | None:
    for mark in SPACED:
        if any(_is_parted(mark, cells) for cells in numbers.values()):
            comma = any(_has(re.compile(rf".*{mark}\d{{3}},\d+"), cells) for cells in numbers.values())
            return Numerals("," if comma else ".", mark)
    return None


def _points_apart(numbers: Columns, separator: str) -> Numerals | None:
    parted = _grouped(".", numbers)
    if _is_sure(".", parted):
        return Numerals(",", ".")
    others = [cell for cells in numbers.values() for cell in cells if _is_sure_point(cell) or "," in cell]
    if not parted or others:
        return None
    for name, cells in parted.items():
        if _has(PLAIN, cells):
            shown = next(cell for cell in cells if "." in cell)
            return Numerals(
                ",", ".", f"{name}: {shown} was read as {shown.replace('.', '')}; say --decimal . if points are those "
                "of decimals, and --thousands . if not",
            )  # fmt: skip
    return Numerals(unsure=_as_decimals(parted))


def _as_decimals(parted: Columns) -> str:
    name, cells = next(iter(parted.items()))
    shown = next(cell for cell in cells if "." in cell)
    return (
        f"{name}: {shown} was read as a number with decimals; say --thousands . if points part thousands, and "
        "--decimal . if not"
    )


def _commas_apart(numbers: Columns, separator: str) -> Numerals | None:
    parted = _grouped(",", numbers)
    if not parted:
        return None
    sure = any(_has(POINT, cells) for cells in numbers.values()) or _is_sure(",", parted)
    sure = sure or any(
        PLAIN.fullmatch(cell) and len(cell.lstrip("+-0")) > 1 for cells in parted.values() for cell in cells
    )
    if separator == "," and not sure:
        return None
    name, cells = next(iter(parted.items()))
    shown = next(cell for cell in cells if "," in cell)
    said = f"{name}: {shown} was read as {shown.replace(',', '')}; if commas are those of decimals, say --decimal ,"
    return Numerals(".", ",", "" if sure else said)


def _quoted_commas(numbers: Columns, separator: str) -> Numerals | None:
    """Decimals behind a comma, in quotes, for commas part the fields; lists of numbers look like them."""
    if separator != "," or any(_is_sure_point(cell) for cells in numbers.values() for cell in cells):
        return None
    for name, cells in numbers.items():
        commas = [cell for cell in cells if "," in cell]
        rising = [_rises(*cell.split(",")) for cell in commas if FEW_DECIMALS.fullmatch(cell)]
        if commas and len(rising) == len(commas) and sum(rising) <= MOST_RISING * len(rising):
            said = f"{name}: {commas[0]} was read as {commas[0].replace(',', '.')}; say --decimal . if it is a list of "
            return _beside_commas(numbers)._replace(unsure=f"{said}numbers, and --decimal , if not")
    return None


def _rises(first: str, second: str) -> bool:
    """Whether what stands around a comma may be two numbers of a list, the lesser first."""
    return int(first) < int(second) and second[0] != "0" and (int(first) != 0 or len(second) == 1)


def _numbers(cells: Iterable[str]) -> list[str]:
    """The cells of a column that are numbers of any form, without what is compared and their unit; none where others
    hold digits at their beginning, such as dates and lists, or there are several units."""
    forms = [PLAIN, POINT, DECIMAL_COMMA, *APART.values()]
    numbers, units = [], set()
    for cell in filter(None, map(str.strip, cells)):
        found = PARTS.fullmatch(cell)
        if found and any(form.fullmatch(found["number"]) for form in forms):
            numbers.append(found["number"])
            units.add(found["unit"])
        elif re.search(r"\d", cell.lstrip(COMPARED)[:12]):
            return []
    return numbers if len(units - {None}) <= 1 else []


def _has(form: re.Pattern, cells: Sequence[str]) -> bool:
    return any(map(form.fullmatch, cells))


def _has_decimal_commas(cells: Sequence[str]) -> bool:
    return _has(SURE_COMMA, cells) and not _has(POINT, cells)


def _has_both(numbers: Columns) -> bool:
    return any(APART["."].fullmatch(cell) and "," in cell for cells in numbers.values() for cell in cells)


def _is_sure_point(cell: str) -> bool:
    """Whether a point stands before decimals: it cannot part thousands."""
    return bool(POINT.fullmatch(cell)) and not APART["."].fullmatch(cell)


def _is_sure(mark: str, parted: Columns) -> bool:
    """Whether a mark stands twice in a number, so that it parts thousands."""
    return any(cell.count(mark) > 1 for cells in parted.values() for cell in cells)


def _reads(cell: str, decimal: str, thousands: str) -> bool:
    if found := APART[thousands].fullmatch(cell):
        return found["point"] in (None, decimal)
    return bool(PLAIN.fullmatch(cell) or (POINT if decimal == "." else DECIMAL_COMMA).fullmatch(cell))


def _grouped(mark: str, numbers: Columns) -> Columns:
    """The columns in which all numbers may have this mark between thousands, and one has."""
    return {name: cells for name, cells in numbers.items() if _is_grouped(mark, cells)}


def _is_grouped(mark: str, cells: Sequence[str]) -> bool:
    found = [APART[mark].fullmatch(cell) for cell in cells]
    others = [cell for cell, one in zip(cells, found, strict=True) if not one]
    return any(found) and all(
        (PLAIN.fullmatch(cell) and len(cell.lstrip("+-")) <= 3) or (mark != "." and POINT.fullmatch(cell))
        for cell in others
    )


def _is_parted(mark: str, cells: Sequence[str]) -> bool:
    """Whether a mark that codes have, too, stands between thousands: shorter numbers are without it, or all end in
    zeros."""
    whole = [cell.partition(",")[0] for cell in cells]
    shorter = any(PLAIN.fullmatch(cell) and len(cell.lstrip("+-")) <= 3 for cell in whole)
    return (shorter or all(cell.endswith("000") for cell in cells)) and len({*cells}) > 2 and _is_grouped(mark, whole)

"""How numbers are written in the cells of a table: what parts decimals, and what parts thousands."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

COMPARED = "<>≤≥~ "  # before a number
PLAIN = re.compile(r"[+-]?\d+")
POINT = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?")
SURE_COMMA = re.compile(r"[+-]?(0,\d+|\d+,(\d{1,2}|\d{4,})|\d{4,},\d+|\d{1,3}(\.\d{3})+,\d+)([eE][+-]?\d+)?")
DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?")
APART = {mark: re.compile(rf"[+-]?\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+(?:(?P<point>[.,])\d+)?") for mark in ",.' ’"}


class Numerals(NamedTuple):
    """What parts decimals, and what parts thousands, or nothing; `unsure` says what else they may be, in words."""

    decimal: str = "."
    thousands: str = ""
    unsure: str = ""


def numerals_of(columns: Iterable[tuple[str, Sequence[str]]], separator: str) -> Numerals:
    """How the numbers of some columns, each with its heading, are written.

    A comma before other than three digits is one of decimals. Commas before three digits everywhere are those of
    thousands; that is unsure where no shorter number, second comma or decimal point stands beside them.
    """
    numbers = {name: found for name, cells in columns if (found := _numbers(cells))}
    if separator != "," and any(
        any(map(SURE_COMMA.fullmatch, cells)) and not _has(POINT, cells) for cells in numbers.values()
    ):
        points = any(APART["."].fullmatch(cell) for cells in numbers.values() for cell in cells if "," in cell)
        return Numerals(",", "." if points else "")
    for mark in "'’ ":
        if any(_is_parted(mark, cells) for cells in numbers.values()):
            decimal = (
                "," if any(_has(re.compile(rf".*{mark}\d{{3}},\d+"), cells) for cells in numbers.values()) else "."
            )
            return Numerals(decimal, mark)
    parted = {name: cells for name, cells in numbers.items() if _is_grouped(",", cells)}
    if not parted:
        return Numerals()
    sure = any(_has(POINT, cells) for cells in numbers.values()) or any(
        cell.count(",") > 1 or (PLAIN.fullmatch(cell) and len(cell.lstrip("+-0")) > 1)
        for cells in parted.values()
        for cell in cells
    )
    if separator == "," and not sure:
        return Numerals()
    name, cells = next(iter(parted.items()))
    shown = next(cell for cell in cells if "," in cell)
    unsure = (
        ""
        if sure
        else f"{name}: {shown} was read as {shown.replace(',', '')}; if commas are those of decimals, say --decimal ,"
    )
    return Numerals(".", ",", unsure)


def with_points(cells: pd.Series, decimal: str, thousands: str) -> pd.Series:
    """A column with 3.5 for 3,5 and 1234 for 1,234, where all of its numbers are written so."""
    if decimal == "." and not thousands:
        return cells
    numbers = _numbers(cells)
    if thousands and not all(_reads(cell, decimal, thousands) for cell in numbers):
        if decimal == ".":
            return cells
        thousands = ""
    grouped = decimal == "," and not thousands and any(APART["."].fullmatch(cell) and "," in cell for cell in numbers)

    def pointed(cell: str) -> str:
        number = cell.lstrip(COMPARED)
        before = cell[: len(cell) - len(number)]
        if thousands and APART[thousands].fullmatch(number):
            return before + number.replace(thousands, "").replace(decimal, ".")
        if decimal == "," and (DECIMAL_COMMA.fullmatch(number) or (grouped and APART["."].fullmatch(number))):
            return before + number.replace(".", "").replace(",", ".")
        return cell

    return cells.map(pointed)


def _numbers(cells: Iterable[str]) -> list[str]:
    """The cells of a column that are numbers of any form; none where others hold digits at their beginning, such as
    dates and lists."""
    filled = [cell.strip().lstrip(COMPARED) for cell in cells if cell.strip()]
    forms = [PLAIN, POINT, DECIMAL_COMMA, *APART.values()]
    numbers = [cell for cell in filled if any(form.fullmatch(cell) for form in forms)]
    others = [cell for cell in filled if cell not in {*numbers} and re.search(r"\d", cell[:12])]
    return [] if others else numbers


def _has(form: re.Pattern, cells: Sequence[str]) -> bool:
    return any(map(form.fullmatch, cells))


def _reads(cell: str, decimal: str, thousands: str) -> bool:
    if found := APART[thousands].fullmatch(cell):
        return found["point"] in (None, decimal)
    return bool(PLAIN.fullmatch(cell) or (POINT if decimal == "." else DECIMAL_COMMA).fullmatch(cell))


def _is_grouped(mark: str, cells: Sequence[str]) -> bool:
    """Whether all numbers of a column may have this mark between thousands, and one has."""
    found = [APART[mark].fullmatch(cell) for cell in cells]
    others = [cell for cell, one in zip(cells, found, strict=True) if not one]
    return any(found) and all(
        (PLAIN.fullmatch(cell) and len(cell.lstrip("+-")) <= 3) or POINT.fullmatch(cell) for cell in others
    )


def _is_parted(mark: str, cells: Sequence[str]) -> bool:
    """Whether a mark that codes have, too, stands between thousands: shorter numbers are without it."""
    shorter = any(PLAIN.fullmatch(cell) and len(cell.lstrip("+-")) <= 3 for cell in cells)
    return shorter and len({*cells}) > 2 and _is_grouped(mark, [cell.partition(",")[0] for cell in cells])

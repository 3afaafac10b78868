"""Structured columns: numbers with units and categories, some of them missing."""

import re
from itertools import chain

ORDER, ENCODED, COLOUR = 2, False, "#CC79A7"
COLUMN = re.compile(r"[^\W\d_A-Z][^\WA-Z]*")


def check(choice: object) -> list[str]:
    columns = [choice] if isinstance(choice, str) else choice
    if not isinstance(columns, list) or not columns or not all(_is_name(column) for column in columns):
        raise ValueError("expected one or several names of columns, in lower case")
    if twice := [column for column in columns if columns.count(column) > 1]:
        raise ValueError(f"found {twice[0]} more than once; list each once")
    return columns


def sources(choice: list[str]) -> list[str]:
    return choice


def united(choices: list[list[str]]) -> list[str]:
    return list(dict.fromkeys(chain(*choices)))


def _is_name(column: object) -> bool:
    return isinstance(column, str) and COLUMN.fullmatch(column) is not None

"""Lines above the header of a table, such as a title of Excel or a comment of a program."""

import re
from collections.abc import Sequence
from statistics import multimode

MOST = 20  # lines above a header
NUMBER = re.compile(r"[+-]?[\d.,]+")


def lines_above(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first rows stand above the header: they have half of its fields at most, or begin with #.

    The header has as many fields as most rows, and no number among them.
    """
    if not rows:
        return 0
    width = max(multimode(map(len, rows)))
    place = next((place for place, row in enumerate(rows[: MOST + 1]) if not _stands_above(row, width)), 0)
    names = rows[place]
    return place if len(names) == width and not any(map(NUMBER.fullmatch, names)) else 0


def _stands_above(row: Sequence[str], width: int) -> bool:
    filled = max((place for place, cell in enumerate(row, 1) if cell.strip()), default=0)
    comment = row[0].lstrip().startswith("#") and len(row) != width
    return comment or (width > 2 and filled <= width / 2)

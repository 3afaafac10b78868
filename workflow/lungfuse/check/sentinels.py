"""Numbers that stand for a missing value, such as 999 or -1: a value far from all others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

CODE = re.compile(r"-1(\.0+)?|-?(9{1,6}|8{2,6}|7{3,6})(\.0+)?")
FEWEST = 5  # other values
GAP_OF_CODE, GAP = 0.5, 2.0  # in units of the range of the others
SPIKE = 3  # rows
MOST = 3  # of a column


@dataclass(frozen=True)
class Sentinel:
    """A value that stands far from the others, in words as the table has it, in how many rows, and their range."""

    word: str
    rows: int
    low: float
    high: float


def sentinels(values: pd.Series) -> list[Sentinel]:
    """Those of a column of numbers as texts, empty where missing."""
    counts = values[values != ""].value_counts()
    numbers = pd.to_numeric(pd.Series(counts.index, counts.index), errors="coerce").dropna()
    found: list[Sentinel] = []
    while len(numbers) > FEWEST and len(found) < MOST:
        one = next(filter(None, (_outside(numbers, counts, end) for end in (numbers.idxmax(), numbers.idxmin()))), None)
        if one is None:
            break
        found.append(one)
        numbers = numbers.drop(one.word)
    return found


def _outside(numbers: pd.Series, counts: pd.Series, word: str) -> Sentinel | None:
    is_code = bool(CODE.fullmatch(word))
    codes = [other for other in numbers.index if is_code and CODE.fullmatch(other)]  # 88 and 99 may stand side by side
    others, value = numbers.drop(codes or word), numbers[word]
    if len(others) < FEWEST:
        return None
    low, high = others.min(), others.max()
    gap = float(max(value - high, low - value))
    spread = float(np.ptp(others)) or max(abs(high), 1.0)
    below_zero = value < 0 <= low
    if (is_code and (below_zero or gap > GAP_OF_CODE * spread)) or (counts[word] >= SPIKE and gap > GAP * spread):
        return Sentinel(word, int(counts[word]), float(low), float(high))
    return None


def code_among(numbers: Sequence[int]) -> int | None:
    """Of some numbers in order the one that may stand for a missing value, such as 9 beside 0 and 1."""
    for code, others in [(numbers[-1], numbers[:-1]), (numbers[0], numbers[1:])]:
        gap = min(abs(code - other) for other in others)
        if CODE.fullmatch(str(code)) and (gap > max(1, others[-1] - others[0]) or code < 0 <= others[0]):
            return code
    return None

"""Texts: a section of the report, or several as in `indication+history`."""

import re
from collections.abc import Iterable

import pandas as pd

from lungfuse.settings.base import SECTION

ORDER, ENCODED, COLOUR = 1, True, "#D55E00"
SECTIONS = re.compile(rf"{SECTION}(\+{SECTION})*")


def check(choice: object) -> str:
    if not isinstance(choice, str) or not SECTIONS.fullmatch(choice):
        raise ValueError("expected the name of a section, in lower case, or a list of such names")
    if len({*sources(choice)}) < len(sources(choice)):
        raise ValueError("expected each section once")
    return choice


def sources(choice: str) -> list[str]:
    return choice.split("+")


def united(choices: list[str]) -> str:
    return "+".join(dict.fromkeys(section for choice in choices for section in sources(choice)))


def one_text(texts: Iterable[pd.Series]) -> pd.Series:
    """Several sections as one text, a line each; empty where all are."""
    first, *others = texts
    for each in others:
        first = (first + "\n" + each).str.strip("\n")
    return first


def text_of(pairs: pd.DataFrame, choice: str) -> pd.Series:
    """The sections that are read of each pair, as one text."""
    return one_text(pairs[name] for name in sources(choice))

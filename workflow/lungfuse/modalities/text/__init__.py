"""Texts: a section of the report."""

import re

ORDER, ENCODED, COLOUR = 1, True, "#D55E00"
SECTION = re.compile(r"[^\W\d_A-Z][^\WA-Z]*")


def check(choice: object) -> str:
    if not isinstance(choice, str) or not SECTION.fullmatch(choice):
        raise ValueError("expected the name of a section, in lower case")
    return choice


def sources(choice: str) -> list[str]:
    return [choice]

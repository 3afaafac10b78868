"""Reporting checklists: each item in our own words, and where the report has it.

TRIPOD+AI: Collins et al., BMJ 2024, https://doi.org/10.1136/bmj-2023-078378. CLAIM 2024: Tejani et al., Radiology:
Artificial Intelligence 2024, https://doi.org/10.1148/ryai.240300.
"""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import pandas as pd

FOLDER = Path(__file__).parent / "guidelines"
NOT_REPORTED = "not reported"


class Checklist(NamedTuple):
    """A checklist of the literature."""

    name: str
    file: str
    source: str


class Item(NamedTuple):
    """An item of a checklist: its number, topic, what it asks, the anchors where the report has it, and a remark."""

    number: str
    topic: str
    asks: str
    places: list[str]
    remark: str


CHECKLISTS = [
    Checklist("TRIPOD+AI", "tripod_ai.csv", "https://doi.org/10.1136/bmj-2023-078378"),
    Checklist("CLAIM 2024", "claim_2024.csv", "https://doi.org/10.1148/ryai.240300"),
]


def items(checklist: Checklist, anchors: Collection[str]) -> list[Item]:
    """The items of a checklist, each with those of its places that a document has."""
    table = pd.read_csv(FOLDER / checklist.file, dtype=str, keep_default_na=False)
    return [
        Item(row.item, row.topic, row.asks, [place for place in row.places.split() if place in anchors], row.remark)
        for row in table.itertuples()
    ]

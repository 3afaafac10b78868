"""Subgroups of the pairs of a study: bands of a number, such as age, or the words of a category, such as sex."""

from itertools import pairwise

import numpy as np
import pandas as pd

SITE = "site"  # in place of a structured column: where a pair is from


def subgroups_of(pairs: pd.DataFrame, structured: pd.DataFrame, subgroups: dict[str, list[float]]) -> pd.DataFrame:
    """The subgroup of each pair by each column of `subgroups`, in words; empty where the value is missing.

    `pairs` and `structured` are tables `Pairs` and `Structured` (its columns may lack where `subgroups` is of sites
    alone); the result is indexed like `pairs`. A column with bounds has bands from one bound up to, but without, the
    next, which the last band has too; what lies beyond is in none of them.
    """
    values = structured.set_index("pair_id").reindex(pairs["pair_id"]).set_axis(pairs.index)
    found = {}
    for name, bounds in subgroups.items():
        cells = pairs[SITE] if name == SITE else values[name].fillna("")
        found[name] = banded(cells, bounds) if bounds else cells
    return pd.DataFrame(found, index=pairs.index, dtype=str)


def banded(cells: pd.Series, bounds: list[float]) -> pd.Series:
    """Numbers in words as bands such as 40-60."""
    names = [f"{low:g}-{high:g}" for low, high in pairwise(bounds)]
    numbers = pd.to_numeric(cells.mask(cells == ""), errors="coerce").to_numpy(float)
    band = np.searchsorted(bounds, numbers, side="right") - 1
    band = np.where(numbers == bounds[-1], len(names) - 1, band)
    inside = (numbers >= bounds[0]) & (numbers <= bounds[-1])
    return pd.Series([names[place] if known else "" for place, known in zip(band, inside, strict=True)], cells.index)

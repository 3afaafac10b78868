"""Units of rows that belong on one side of a split, and which of them are on both."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lungfuse.ingest.sides import Split


def joined(codes: Sequence[np.ndarray], rows: int) -> np.ndarray:
    """Numbers of the groups of rows that share a code, directly or through others; -1 is shared with none; (row,)."""
    links, size = [np.zeros((0, 2), int)], rows
    for each in codes:
        known = np.flatnonzero(each >= 0)
        links.append(np.column_stack([known, size + each[known]]))
        size += int(each.max(initial=-1)) + 1
    return pd.factorize(_components(np.concatenate(links), size)[:rows])[0]


def linked(pairs: np.ndarray, rows: int) -> np.ndarray:
    """Numbers of the rows that pairs link, directly or through others; -1 for a row of no pair; (row,)."""
    alone = ~np.isin(np.arange(rows), pairs)
    return np.where(alone, -1, _components(pairs, rows))


def _components(pairs: np.ndarray, size: int) -> np.ndarray:
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    return connected_components(graph, directed=False)[1]


def partners(unit: np.ndarray, split: Split) -> np.ndarray:
    """For each row that is tested, a training row of its unit; -1 where there is none; (row,)."""
    found = np.full(len(unit), -1)
    for part in split.parts:
        first = dict(zip(unit[part.train][::-1].tolist(), part.train[::-1].tolist(), strict=True))
        first[-1] = -1
        found[part.test] = [first.get(code, -1) for code in unit[part.test].tolist()]
    return found


def near_partners(first: np.ndarray, near: np.ndarray, split: Split) -> np.ndarray:
    """For each row that is tested, a training row near it; -1 where there is none; (row,).

    `first` is the row that each row is the same as, (row,), or itself; `near` are pairs of such first rows.
    """
    alike: dict[int, list[int]] = {}
    for one, two in near.tolist():
        alike.setdefault(one, []).append(two)
        alike.setdefault(two, []).append(one)
    found = np.full(len(first), -1)
    for part in split.parts:
        learned = dict(zip(first[part.train][::-1].tolist(), part.train[::-1].tolist(), strict=True))
        for row in part.test:
            others = alike.get(int(first[row]), [])
            found[row] = next((learned[other] for other in others if other in learned), -1)
    return found


def shared_with_validation(unit: np.ndarray, split: Split) -> int:
    """How many tested rows share a unit with a validation row."""
    found = 0
    for part in split.parts:
        held = unit[part.validation]
        found += int(np.isin(unit[part.test], held[held >= 0]).sum())
    return found

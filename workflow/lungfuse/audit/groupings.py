"""Classes that a column separates together from the others, such as all malignant ones from all benign ones."""

from collections.abc import Sequence

import numpy as np

from lungfuse.check.univariate import Outcomes, score_codes
from lungfuse.statistics.splits import drawn_by_group

MOST_CLASSES = 7  # of which all groupings are tried: 63


def grouping(codes: np.ndarray, values: np.ndarray, groups: np.ndarray) -> np.ndarray | None:
    """The classes that a column of categories best separates together from the others, bool (class,), if clear.

    They are those of the fewer rows. All groupings are tried on each half of the groups; only one that both halves
    choose is given, so that it is not the best of many by chance. `codes` numbers the categories from 0, (row,);
    `values` is 1 for the class of a row, (row, class), NaN where unknown.
    """
    classes = values.shape[1]
    if not 2 < classes <= MOST_CLASSES:
        return None
    candidates = _partitions(classes)
    half = drawn_by_group(groups, 0) < 0.5
    first, second = (_best(codes[part], values[part] @ candidates.T, groups[part]) for part in (half, ~half))
    if first is None or first != second:
        return None
    chosen = candidates[first] == 1
    rows = np.nansum(values, axis=0)
    return chosen if rows[chosen].sum() <= rows[~chosen].sum() else ~chosen


def named(chosen: np.ndarray, names: Sequence[str]) -> str:
    return ", ".join(name for name, one in zip(names, chosen, strict=True) if one)


def _best(codes: np.ndarray, values: np.ndarray, groups: np.ndarray) -> int | None:
    auroc = score_codes(codes, Outcomes(values, [""] * values.shape[1], groups, exclusive=False)).auroc
    return int(np.nanargmax(auroc)) if np.isfinite(auroc).any() else None


def _partitions(classes: int) -> np.ndarray:
    """Each way to part the classes in two, by those on the side without the first class; 0 or 1 of (way, class)."""
    numbers = np.arange(2, 2**classes, 2)
    return (numbers[:, None] >> np.arange(classes) & 1).astype(float)

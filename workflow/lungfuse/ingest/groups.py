"""Groups of pairs that belong in one fold: those of a patient, and those that say or show the same."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

NONE = np.zeros((0, 2), int)


def group_pairs(pairs: pd.DataFrame, shared: Sequence[str], alike: np.ndarray) -> np.ndarray:
    """Number the groups of pairs by what they share of `FilterSettings.group_by`; see `group`."""
    nothing = pd.Series("", index=pairs.index)
    return group(
        pairs["patient"] if "patient" in shared else None,
        pairs["text"] if "text" in shared else nothing,
        pairs.get("apart") if "column" in shared else None,
        alike,
    )


def group(
    patients: pd.Series | None, texts: pd.Series, apart: pd.Series | None = None, alike: np.ndarray = NONE
) -> np.ndarray:
    """Number the groups of rows that share a patient, the same normalised text or a mark, or that are alike, directly
    or through others.

    Empty texts are not compared. `apart` holds the marks of each row, joined by '; '; `alike` has pairs of row numbers,
    int of shape (pair, 2). Returns int of shape (row,), numbered by first appearance.
    """
    rows, said = pd.RangeIndex(len(texts)), normalise(texts)
    keys = [("text " + said).where(said != "").set_axis(rows)]
    if patients is not None:
        keys.append(("patient " + patients).set_axis(rows))
    if apart is not None:
        marks = apart.set_axis(rows).str.split("; ").explode()
        keys.append(("mark " + marks).where(marks != ""))
    keys = pd.concat(keys).dropna()
    key, known = pd.factorize(keys)
    links = np.concatenate([np.column_stack([keys.index, key + len(rows)]).astype(int), alike])
    size = len(rows) + len(known)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    return pd.factorize(component[: len(rows)])[0]


def normalise(texts: pd.Series) -> pd.Series:
    """Texts in lower case, with runs of non-word characters as one space."""
    return texts.str.lower().str.replace(r"\W+", " ", regex=True).str.strip()

"""Groups of pairs that belong in one fold: those of a patient, and those that say the same."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def group(patients: pd.Series, texts: pd.Series, apart: pd.Series | None = None) -> np.ndarray:
    """Number the groups of rows that share a patient, the same normalised text or a mark, directly or through others.

    Empty texts are not compared. `apart` holds the marks of each row, joined by '; '. Returns int of shape (row,),
    numbered by first appearance.
    """
    rows, said = pd.RangeIndex(len(texts)), normalise(texts)
    keys = [("patient " + patients).set_axis(rows), ("text " + said).where(said != "").set_axis(rows)]
    if apart is not None:
        marks = apart.set_axis(rows).str.split("; ").explode()
        keys.append(("mark " + marks).where(marks != ""))
    keys = pd.concat(keys).dropna()
    key, known = pd.factorize(keys)
    size = len(rows) + len(known)
    links = coo_array((np.ones(len(keys)), (keys.index, key + len(rows))), shape=(size, size))
    _, component = connected_components(links, directed=False)
    return pd.factorize(component[: len(rows)])[0]


def normalise(texts: pd.Series) -> pd.Series:
    """Texts in lower case, with runs of non-word characters as one space."""
    return texts.str.lower().str.replace(r"\W+", " ", regex=True).str.strip()

"""Groups of pairs that belong in one fold: those of a patient, and those that say the same."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def group(patients: pd.Series, texts: pd.Series) -> np.ndarray:
    """Number the groups of rows that share a patient or the same normalised text, directly or through others.

    Empty texts are not compared. Returns int of shape (row,), numbered by first appearance.
    """
    normalised = normalise(texts)
    text_keys = ("text " + normalised).where(normalised != "", "patient " + patients)
    rows = np.arange(len(texts))
    patients, texts = pd.factorize(patients)[0], pd.factorize(text_keys)[0]
    size = 3 * len(rows)
    start, end = np.concatenate([rows, rows]), np.concatenate([patients + len(rows), texts + 2 * len(rows)])
    _, component = connected_components(
        coo_array((np.ones(len(start)), (start, end)), shape=(size, size)), directed=False
    )
    return pd.factorize(component[: len(rows)])[0]


def normalise(texts: pd.Series) -> pd.Series:
    """Texts in lower case, with runs of non-word characters as one space."""
    return texts.str.lower().str.replace(r"\W+", " ", regex=True).str.strip()

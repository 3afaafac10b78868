"""The parts of a fold: what is learned from, what it is validated on, and what is tested."""

import numpy as np
import pandas as pd


def fold_indices(pairs: pd.DataFrame, validation: pd.DataFrame, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in `pairs` to learn from, to validate on and to test in a fold, from the table `Validation`."""
    test = (pairs["fold"] == fold).to_numpy()
    validated = pairs["pair_id"].isin(validation.loc[validation["fold"] == fold, "pair_id"]).to_numpy()
    return tuple(map(np.flatnonzero, [~test & ~validated, validated, test]))

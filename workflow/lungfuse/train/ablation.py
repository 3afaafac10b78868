"""What an ablation makes of the pairs."""

import numpy as np


def shuffled_within(marks: np.ndarray, seed: int) -> np.ndarray:
    """A permutation of the pairs that leaves each at a place of its own mark, (pair,), such as its part of a fold."""
    order, rng = np.arange(len(marks)), np.random.default_rng(seed)
    for mark in np.unique(marks):
        places = np.flatnonzero(marks == mark)
        order[places] = rng.permutation(places)
    return order


def shuffled(count: int, seed: int) -> np.ndarray:
    """A permutation of the pairs for an ablation."""
    return np.random.default_rng(seed).permutation(count)

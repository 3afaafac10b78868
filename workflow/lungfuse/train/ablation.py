"""What an ablation makes of the pairs."""

import numpy as np


def shuffled(count: int, seed: int) -> np.ndarray:
    """A permutation of the pairs for an ablation."""
    return np.random.default_rng(seed).permutation(count)

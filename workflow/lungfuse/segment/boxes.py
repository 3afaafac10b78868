"""The boxes of the components of a mask."""

import numpy as np
from scipy.ndimage import find_objects, label, mean


def boxes_of(mask: np.ndarray) -> np.ndarray:
    """The box of each connected component of a mask: bool (height, width) to (box, 4) of left, top, width, height."""
    found = find_objects(label(mask)[0])
    return np.array([[x.start, y.start, x.stop - x.start, y.stop - y.start] for y, x in found]).reshape(-1, 4)


def confidences_of(mask: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """The mean probability within each component of a mask, (box,), in the order of `boxes_of`."""
    numbered, count = label(mask)
    return np.asarray(mean(probability, numbered, np.arange(1, count + 1)))

"""What is drawn on an image, such as a letter for the side: brighter by far than all that the device has measured."""

import numpy as np

FEW, MARKED = 0.001, 0.1  # of the samples: any, and those of one value


def brightest(samples: np.ndarray) -> float:
    """The greatest of some samples without those of a marker.

    These are in the upper half of the range, which holds next to no samples, or many of one value alone.
    """
    least, found = float(samples.min()), samples
    while True:
        most = float(found.max())
        above = found[found > least + (most - least) / 2]
        marker = above.size <= FEW * samples.size or (above.size <= MARKED * samples.size and above.min() == most)
        if not marker or most <= least:
            return most
        found = found[found <= least + (most - least) / 2]

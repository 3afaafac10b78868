"""What is drawn on an image, such as a letter for the side: brighter by far than all that the device has measured."""

import numpy as np

FEW, MARKED = 0.001, 0.1  # of the samples: any, and those of one value
SPREAD, DRAWN = 0.03, 0.15  # of the samples: those above a gap, of any values, and mostly of nearly the greatest
GAP = 3  # the end of a gap by its begin
NEAR, EDGE = 3 / 4, 0.4  # of the greatest sample: what is nearly as great; of a marker: how much its soft edge may hold
LEAST_RANGE, LEAST_PART = 255, 0.03  # of what lies below a gap, and of the range of all: else it is the background


def brightest(samples: np.ndarray) -> float:
    """The greatest of some samples without those of a marker.

    These are in the upper half of the range, which holds next to no samples, or many of one value alone; or they are
    beyond a gap, which reaches from the greatest of the rest to three times of it and holds next to no samples, or the
    soft edge of the marker. The rest has the range of an image: nothing is cut off from an even background.
    """
    least, most = float(samples.min()), _without_few(samples)
    found = samples[samples <= most]
    if np.count_nonzero(found > least + (most - least) / GAP) > DRAWN * found.size:
        return most
    return least + _below_gap(np.sort(found) - least)


def _without_few(samples: np.ndarray) -> float:
    least, found = float(samples.min()), samples
    while True:
        most = float(found.max())
        above = found[found > least + (most - least) / 2]
        marker = above.size <= FEW * samples.size or (above.size <= MARKED * samples.size and above.min() == most)
        if not marker or most <= least:
            return most
        found = found[found <= least + (most - least) / 2]


def _below_gap(heights: np.ndarray) -> float:
    """The greatest of ordered heights that lies below a gap, the emptiest but for a few, and a marker; else of all."""
    count, most = len(heights), float(heights[-1])
    ends = np.unique(heights[: np.searchsorted(heights, most / GAP)])
    ends = ends[ends >= max(LEAST_RANGE, LEAST_PART * most)]
    above, beyond = (count - np.searchsorted(heights, each, side="right") for each in [ends, GAP * ends])
    inside = above - beyond
    drawn = count - np.searchsorted(heights, NEAR * most) >= above / 2
    is_gap = (inside <= FEW * count) | (drawn & (inside <= EDGE * beyond))
    is_marker = (beyond > FEW * count) & (above <= np.where(drawn, DRAWN, SPREAD) * count)
    apart = is_gap & is_marker
    if not apart.any():
        return most
    emptiest = inside[apart] <= inside[apart].min() + FEW * count
    return float(ends[apart][emptiest][0])

"""Whether whole numbers name somebody, by how they repeat: those of patients do it more, or more evenly, than a
measure."""

import numpy as np
import pandas as pd

from lungfuse.cell_forms import whole_number

FEWEST = 20  # different numbers
LEAST_SHARE = 1 / 3  # of the rows, that the different numbers are
MOST_ROWS = 10  # with one number
NEAR = 10  # steps to numbers that a measure has about as often as the same one
LEAST_EXCESS = 5  # of equal pairs of rows, over those that are near
SURE = 3  # standard deviations


def name_somebody(words: pd.Series) -> bool:
    """Whether a column's words, with their counts from the highest on, are many whole numbers of a few rows each, that
    repeat as a measure does not."""
    whole = [whole_number(word) for word in words.index]
    if len(words) < FEWEST or words.iloc[0] > MOST_ROWS or not all(map(str.isdecimal, whole)):
        return False
    many = len(words) >= LEAST_SHARE * words.sum()
    mostly_several = words[words > 1].sum() > words.sum() / 2
    return bool(many and mostly_several) and _repeat_unlike_a_measure(np.array([*map(int, whole)]), words.to_numpy())


def _repeat_unlike_a_measure(numbers: np.ndarray, counts: np.ndarray) -> bool:
    """Of a measure, two rows have the same value as often as neighbouring ones, and values come about as often as
    chance has it (Poisson)."""
    order = np.argsort(numbers)
    numbers, counts = numbers[order], counts[order]
    steps = numbers // max(1, int(np.gcd.reduce(np.diff(numbers))))
    summed = np.concatenate([[0], np.cumsum(counts)])
    near = counts @ (summed[np.searchsorted(steps, steps + NEAR, "right")] - summed[1:])
    equal = counts @ (counts - 1) / 2
    if 2 * NEAR * equal > LEAST_EXCESS * near:
        return True
    values = int(steps[-1] - steps[0]) + 1
    mean = counts.sum() / values
    dispersion = (counts @ counts / values - mean**2) / mean
    return bool(dispersion < 1 - SURE * np.sqrt(2 / values))

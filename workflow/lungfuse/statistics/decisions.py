"""Rates of decisions about a label: from sums over pairs, for many resamples at once."""

import numpy as np

TRUE_POSITIVES, POSITIVES, TRUE_NEGATIVES, NEGATIVES = range(4)


def decision_quantities(labels: np.ndarray, called: np.ndarray) -> np.ndarray:
    """What pairs add to true positives, positives, true negatives and negatives: (pair,) of 0 or 1 to (pair, 4)."""
    positive, negative = labels == 1, labels == 0
    return np.stack([positive & (called == 1), positive, negative & (called == 0), negative], axis=-1).astype(float)


def sensitivity(sums: np.ndarray) -> np.ndarray:
    """The share of positives that are called so, (...), from sums (..., 4); NaN without any."""
    return _share(sums[..., TRUE_POSITIVES], sums[..., POSITIVES])


def specificity(sums: np.ndarray) -> np.ndarray:
    """The share of negatives that are called so, (...), from sums (..., 4); NaN without any."""
    return _share(sums[..., TRUE_NEGATIVES], sums[..., NEGATIVES])


def prevalence(sums: np.ndarray) -> np.ndarray:
    """The share of positives, (...), from sums (..., 4)."""
    return _share(sums[..., POSITIVES], sums[..., POSITIVES] + sums[..., NEGATIVES])


def net_benefit(sums: np.ndarray, threshold: np.ndarray | float, stated: float | None = None) -> np.ndarray:
    """The net benefit of decisions, (...), from sums (..., 4) and the threshold in (0, 1) that they are made by.

    True positives less false positives weighed by the odds of the threshold, a pair (Vickers and Elkin, Decision curve
    analysis, 2006, https://doi.org/10.1177/0272989X06295361), with a `stated` prevalence or that of the pairs.
    """
    share = prevalence(sums) if stated is None else stated
    odds = threshold / (1 - threshold)
    return share * sensitivity(sums) - (1 - share) * (1 - specificity(sums)) * odds


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return part / whole

"""Logistic regressions by Newton's method, and what a bootstrap makes of them in one more step.

A bootstrap sample starts from the coefficients of all rows and takes one step of Newton's method with its own gradient
and Hessian, which are sums over groups: the difference to a full fit is of the order 1 / rows (Andrews, Higher-order
improvements of a computationally attractive k-step bootstrap for extremum estimators, Econometrica 70, 2002).
"""

import numpy as np
from scipy.special import expit

from lungfuse.statistics.grouped import Statistic

MOST_STEPS, CLOSE = 50, 1e-8
HALVINGS = 10  # of a step that is too long
LARGEST = 100  # log odds beyond are those of labels that are separated
RIDGE = 1e-9  # of a Hessian, so that each can be inverted
KNOTS = (0.05, 0.35, 0.65, 0.95)  # quantiles; Harrell, Regression Modeling Strategies, 2015, section 2.4.6


def fitted(design: np.ndarray, labels: np.ndarray, offset: np.ndarray | float = 0.0) -> np.ndarray:
    """The coefficients with the least log loss, (coefficient,), NaN where there are none: labels are separated.

    `design` has shape (row, coefficient), `labels` and `offset`, a part of the log odds that is given, (row,).
    """
    found, loss = np.zeros(design.shape[1]), _loss(offset + np.zeros(len(design)), labels)
    for _ in range(MOST_STEPS):
        step = _step(step_quantities(design, labels, found, offset).sum(axis=0), design.shape[1])
        if np.abs(design @ step).max() < CLOSE:
            return found
        for share in 0.5 ** np.arange(HALVINGS):
            odds = design @ (found + share * step) + offset
            if _loss(odds, labels) <= loss + CLOSE:
                break
        found, loss = found + share * step, _loss(odds, labels)
        if np.abs(odds).max() > LARGEST:
            break
    return np.full(design.shape[1], np.nan)


def _loss(odds: np.ndarray, labels: np.ndarray) -> float:
    return float(np.logaddexp(0, odds).sum() - labels @ odds)


def step_quantities(
    design: np.ndarray, labels: np.ndarray, coefficients: np.ndarray, offset: np.ndarray | float = 0.0
) -> np.ndarray:
    """What each row adds to the gradient and to the Hessian of the log likelihood, (row, k + k * k)."""
    expected = expit(design @ coefficients + offset)
    gradient = design * (labels - expected)[:, None]
    hessian = np.einsum("ri,rj,r->rij", design, design, expected * (1 - expected))
    return np.hstack([gradient, hessian.reshape(len(design), -1)])


def stepped(coefficients: np.ndarray) -> Statistic:
    """The statistic that takes one step from coefficients, (training, k): sums of `step_quantities` to (..., k)."""
    return lambda sums: coefficients + _step(sums, coefficients.shape[-1])


def _step(sums: np.ndarray, count: int) -> np.ndarray:
    hessian = sums[..., count:].reshape(*sums.shape[:-1], count, count) + RIDGE * np.eye(count)
    return np.linalg.solve(hessian, sums[..., :count, None])[..., 0]


def straight(values: np.ndarray) -> np.ndarray:
    """The design of a straight line, (row, 2)."""
    return np.stack([np.ones_like(values), values], axis=-1)


def knots_of(values: np.ndarray) -> np.ndarray | None:
    """Where a restricted cubic spline of values bends; None, where the quantiles are not all different."""
    knots = np.quantile(values, KNOTS)
    return knots if (np.diff(knots) > 0).all() else None


def spline(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """The design of a cubic spline that is straight beyond its outer knots, (row, number of knots), with a constant."""
    *inner, before, last = knots
    cubes = [np.maximum(values - knot, 0) ** 3 for knot in knots]
    *first, of_before, of_last = cubes
    bends = [
        (cube - of_before * (last - knot) / (last - before) + of_last * (before - knot) / (last - before))
        / (last - knots[0]) ** 2
        for cube, knot in zip(first, inner, strict=True)
    ]
    return np.column_stack([straight(values), *bends])

"""How often pairs of a given probability have a label: the calibration curve, its slope and its intercept.

Van Calster et al., Calibration: the Achilles heel of predictive analytics, BMC Medicine 17:230, 2019,
https://doi.org/10.1186/s12916-019-1466-7.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from lungfuse.calibration import log_odds
from lungfuse.measures import OneAgainstRest
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.grouped import Grouped, interval, means
from lungfuse.statistics.logistic import fitted, knots_of, spline, step_quantities, stepped, straight

FEWEST = 40  # pairs of either class for a spline of four coefficients: ten each
SHOWN = (0.01, 0.99)  # quantiles of the probabilities between which the curve is drawn
POINTS = 50


@dataclass(frozen=True)
class Curve:
    """The share of pairs that have a label, `share`, by `probability`, with its limits; all of shape (point,)."""

    probability: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


class LabelRows:
    """One label of the predictions of a model, of all trainings, and a bootstrap over the groups of its pairs."""

    def __init__(self, each: OneAgainstRest, joined: pd.DataFrame, intervals: Intervals, seed: int):
        known = joined[each.known]
        self.labels, self.probabilities, self.odds = each.label.astype(float), each.score, log_odds(each.score)
        self.grouped = Grouped(known["group"].to_numpy(), known["repeat"].to_numpy(), intervals.resamples, seed)
        self.confidence = intervals.confidence
        of_training = known.assign(odds=self.odds).groupby(["repeat", "fold"])["odds"]
        self.varies = bool((of_training.max() > of_training.min()).any())
        training = np.unique(known["repeat"], return_inverse=True)[1]
        self.trainings = [np.flatnonzero(training == number) for number in range(self.grouped.trainings)]

    def slope(self) -> np.ndarray:
        """The calibration slope with its limits, (3,): of a logistic regression of the labels on the log odds.

        NaN where all pairs of a fold have the same probability, where one class is absent, or where both are separated.
        """
        return self._regressed(straight(self.odds))[1]

    def slope_of_all(self) -> float:
        """The calibration slope without its limits, the mean over the trainings."""
        if not self.varies:
            return float("nan")
        return float(np.mean([fitted(straight(self.odds[rows]), self.labels[rows])[1] for rows in self.trainings]))

    def intercept(self) -> np.ndarray:
        """Calibration in the large with its limits, (3,): the intercept where the slope is held at 1."""
        return self._regressed(np.ones((len(self.odds), 1)), self.odds)[0]

    def observed_to_expected(self) -> np.ndarray:
        """The number of pairs that have the label over the sum of their probabilities, with its limits, (3,)."""
        sums = self.grouped.sums(np.stack([self.labels, self.probabilities], axis=1))
        return interval(self.grouped.values(sums, means), self.confidence)[0]

    def curve(self) -> Curve:
        """The calibration curve: a restricted cubic spline on the log odds.

        A straight line where pairs are few, or where the spline separates the classes without an error.
        """
        points = np.linspace(*np.quantile(self.odds, SHOWN), POINTS)
        enough = min(self.labels.sum(), (1 - self.labels).sum()) >= FEWEST * self.grouped.trainings
        found, knots = None, knots_of(self.odds) if enough else None
        if knots is not None:
            found = self._regressed(spline(self.odds, knots), at=spline(points, knots))
        if found is None or np.isnan(found).any():
            found = self._regressed(straight(self.odds), at=straight(points))
        return Curve(expit(points), *found.T)

    def _regressed(
        self, design: np.ndarray, offset: np.ndarray | None = None, at: np.ndarray | None = None
    ) -> np.ndarray:
        """Coefficients with their limits, (coefficient, 3), or the shares `at` points of a design, (point, 3)."""
        offset = np.zeros(len(design)) if offset is None else offset
        if np.ptp(self.labels) == 0 or (design.shape[1] > 1 and not self.varies):
            return np.full((design.shape[1] if at is None else len(at), 3), np.nan)
        found = np.stack([fitted(design[rows], self.labels[rows], offset[rows]) for rows in self.trainings])
        quantities = np.zeros((len(design), design.shape[1] * (design.shape[1] + 1)))
        for rows, coefficients in zip(self.trainings, found, strict=True):
            quantities[rows] = step_quantities(design[rows], self.labels[rows], coefficients, offset[rows])
        step = stepped(found)
        values = self.grouped.values(
            self.grouped.sums(quantities), step if at is None else lambda each: expit(step(each) @ at.T)
        )
        return interval(values, self.confidence)

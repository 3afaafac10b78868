"""A number in a range that the study declares: one label column, the number, and one score, its share of the range.

A score is in [0, 1] like those of other tasks, 0 at the low end and 1 at the high one, and its log odds are what models
learn: a fractional response (Papke and Wooldridge, Econometric methods for fractional response variables, 1996). A case
counts as one of the high end by its share, and as one of the low end by the rest, so that whatever learns two classes
by log loss learns a number. Two numbers alone, the ends, are the task `binary`.

Models are compared by concordance: the share of pairs of cases with different numbers that are in the right order. It
is the AUROC where there are two numbers, so a margin of two points means the same; it asks nothing of the scale, which
models of different folds do not share; each case has an influence on it (Hajek projection); and no single case with a
large error decides it, as it may for the squared errors of R2, by which a study may compare models too.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from lungfuse.calibration import calibrating_line, log_odds
from lungfuse.measures import OneAgainstRest, absolute_error, squared_error
from lungfuse.statistics.within_folds import concordance_within_folds
from lungfuse.tasks import Calibration, Kind
from lungfuse.tasks import Task as AnyTask
from lungfuse.tasks.binary import Task as TwoClasses

if TYPE_CHECKING:
    from torch import Tensor

MIN_LABELS, MAX_LABELS, EXCLUSIVE = 1, 1, False
ASKS_FOR, COMPARED_BY = "numbers", ["concordance", "r2"]
STRATA = 5  # parts of the cases by their numbers, of which each fold has the same share


class Task(AnyTask):
    """Labels are its name and the ends of the range; targets and predictions are in the unit of the number.

    `prediction` is the number that the score stands for, and `probability` the score after the calibrating line.
    R2, MAE and RMSE are of the predictions of all folds.
    """

    primary = "concordance"
    measured = ("r2", "mae", "rmse")
    headline = ("r2", "concordance")
    shown = ("concordance", "r2", "mae", "rmse")
    means = "MAE and RMSE are in the unit of the number."
    numbers, excludes = True, False
    outputs = 2

    def __init__(self, labels: list[str]):
        self.name, *ends = labels
        self.low, self.high = map(float, ends)
        super().__init__([f"{self.name} {end}" for end in ends])

    def columns(self, kind: Kind) -> list[str]:
        return [kind]

    @property
    def two_classes(self) -> bool:
        return False

    def shares(self, targets: "np.ndarray | Tensor") -> "np.ndarray | Tensor":
        return (targets - self.low) / (self.high - self.low)

    def weights(self, targets: np.ndarray) -> np.ndarray:
        return np.ones(2)

    def pair_weights(self, targets: np.ndarray) -> np.ndarray:
        return np.ones((len(targets), 1))

    def loss(self, logits: "Tensor", targets: "Tensor", weights: "Tensor", label_smoothing: float) -> "Tensor":
        """The cross-entropy of the shares of both ends; numbers are not smoothed."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        return binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], self.shares(targets)[:, 0])

    def scores(self, logits: "Tensor") -> "Tensor":
        return logits.softmax(-1)[:, 1:]

    def decide(self, scores: np.ndarray) -> np.ndarray:
        return self.low + scores * (self.high - self.low)

    def one_against_rest(
        self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray
    ) -> list[OneAgainstRest]:
        """The high end against the low one, of which a case is by its share."""
        known = np.ones(len(targets), bool)
        return [OneAgainstRest(self.labels[1], known, self.shares(targets)[:, 0], scores[:, 0], predictions[:, 0])]

    def correct(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """1 less the absolute error, as a share of the range."""
        return 1 - np.abs(self.shares(targets) - self.shares(predictions))[:, 0]

    def strata(self, targets: np.ndarray) -> np.ndarray:
        """Fifths of the cases by their numbers; equal ones are of the same."""
        bounds = np.quantile(targets, np.arange(1, STRATA) / STRATA) if len(targets) else np.zeros(STRATA - 1)
        return (np.searchsorted(bounds, targets, "left") == np.arange(STRATA)).astype(int)

    def measures(
        self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        truth, found = targets[:, 0], predictions[:, 0]
        squares, mean = squared_error(truth, found, weights), weights @ truth / weights.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            explained = 1 - squares / (weights @ truth**2 / weights.sum(axis=1) - mean**2)
        return np.stack([explained, absolute_error(truth, found, weights), np.sqrt(squares)])

    def validated(self, targets: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        ranked = concordance_within_folds(targets[:, 0], scores[:, 0], np.zeros(len(targets), int), 1)
        return super().validated(targets, scores) | {"concordance": ranked.value}

    def calibrate(self, scores: np.ndarray, targets: np.ndarray) -> Calibration:
        slope, intercept = calibrating_line(scores[:, 0], self.shares(targets)[:, 0])
        return Calibration(slope=[slope], intercept=[intercept])

    def probabilities(self, scores: np.ndarray, calibration: Calibration) -> np.ndarray:
        return expit(log_odds(scores) * calibration.slope[0] + calibration.intercept[0])

    def in_classes(self, frame: pd.DataFrame) -> tuple[AnyTask, pd.DataFrame]:
        """Two classes, up to the median and above."""
        numbers = self.targets(frame)[:, 0]
        middle = float(np.median(numbers)) if len(numbers) else self.low
        halves = TwoClasses([f"{self.name} up to {middle:g}", f"{self.name} above {middle:g}"])
        return halves, frame.assign(label=(numbers > middle).astype(int))

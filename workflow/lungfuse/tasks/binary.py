"""Two classes that exclude each other: one label column, 0 or 1, and one score, that of class 1."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from lungfuse.calibration import calibrating_line, log_odds
from lungfuse.measures import OneAgainstRest, of_one_label
from lungfuse.tasks import Calibration, Kind, weighted_cross_entropy
from lungfuse.tasks import Task as AnyTask

if TYPE_CHECKING:
    from torch import Tensor

MIN_LABELS, MAX_LABELS, EXCLUSIVE = 2, 2, True


class Task(AnyTask):
    """Networks give a logit a class, and are trained with cross-entropy."""

    shown = ("accuracy", "auroc", "sensitivity", "specificity")
    excludes = False
    outputs = 2

    def columns(self, kind: Kind) -> list[str]:
        return [kind]

    def weights(self, targets: np.ndarray) -> np.ndarray:
        counts = np.bincount(targets[:, 0].astype(int), minlength=2)
        return len(targets) / (2 * counts)

    def loss(self, logits: "Tensor", targets: "Tensor", weights: "Tensor", label_smoothing: float) -> "Tensor":
        return weighted_cross_entropy(logits, targets[:, 0].long(), weights, label_smoothing)

    def scores(self, logits: "Tensor") -> "Tensor":
        return logits.softmax(-1)[:, 1:]

    def decide(self, scores: np.ndarray) -> np.ndarray:
        return (scores >= 0.5).astype(int)

    def one_against_rest(
        self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray
    ) -> list[OneAgainstRest]:
        known = np.ones(len(targets), bool)
        return [OneAgainstRest(self.labels[1], known, targets[:, 0], scores[:, 0], predictions[:, 0])]

    def correct(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        return (targets == predictions)[:, 0].astype(float)

    def strata(self, targets: np.ndarray) -> np.ndarray:
        return np.hstack([targets == label for label in (0, 1)]).astype(int)

    def measures(
        self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        return of_one_label(targets[:, 0], scores[:, 0], predictions[:, 0], weights)

    def calibrate(self, scores: np.ndarray, targets: np.ndarray) -> Calibration:
        slope, intercept = calibrating_line(scores[:, 0], targets[:, 0])
        return Calibration(slope=[slope], intercept=[intercept])

    def probabilities(self, scores: np.ndarray, calibration: Calibration) -> np.ndarray:
        return expit(log_odds(scores) * calibration.slope[0] + calibration.intercept[0])

"""Labels that a pair has or not, several at once: a column each, 0, 1 or empty where it is not known."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from lungfuse.calibration import calibrating_line, log_odds
from lungfuse.measures import OneAgainstRest, macro
from lungfuse.tasks import Calibration, Kind
from lungfuse.tasks import Task as AnyTask

if TYPE_CHECKING:
    from torch import Tensor

MIN_LABELS, MAX_LABELS, EXCLUSIVE = 2, None, False


class Task(AnyTask):
    """Networks give a logit a label, and are trained with the binary cross-entropy of what is known.

    Metrics are means over the labels, each counting the same.
    """

    shown = ("auroc", "auprc", "sensitivity", "specificity")
    means = "All are means over the labels, of the pairs where each is known."
    excludes = False

    def columns(self, kind: Kind) -> list[str]:
        return [f"{kind}_{label}" for label in self.labels]

    @property
    def outputs(self) -> int:
        return len(self.labels)

    def weights(self, targets: np.ndarray) -> np.ndarray:
        """How much more a positive pair of each label counts than a negative one, (label,)."""
        positives, negatives = (targets == 1).sum(axis=0), (targets == 0).sum(axis=0)
        return np.where((positives > 0) & (negatives > 0), negatives / np.maximum(positives, 1), 1.0)

    def pair_weights(self, targets: np.ndarray) -> np.ndarray:
        """Of each label by itself."""
        return np.where(targets == 1, self.weights(targets), 1.0)

    def loss(self, logits: "Tensor", targets: "Tensor", weights: "Tensor", label_smoothing: float) -> "Tensor":
        from torch.nn.functional import binary_cross_entropy_with_logits

        known = ~targets.isnan()
        positive = targets.nan_to_num()
        smoothed = positive * (1 - label_smoothing) + label_smoothing / 2
        # Weighed by what a case is: on the smoothed part of a negative, a rare label would outweigh all else.
        losses = binary_cross_entropy_with_logits(logits, smoothed, reduction="none") * (1 + positive * (weights - 1))
        return losses.where(known, 0).sum() / known.sum().clamp(min=1)

    def scores(self, logits: "Tensor") -> "Tensor":
        return logits.sigmoid()

    def decide(self, scores: np.ndarray) -> np.ndarray:
        return (scores >= 0.5).astype(int)

    def one_against_rest(
        self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray
    ) -> list[OneAgainstRest]:
        found = []
        for label, target, score, prediction in zip(self.labels, targets.T, scores.T, predictions.T, strict=True):
            known = ~np.isnan(target)
            found.append(OneAgainstRest(label, known, target[known], score[known], prediction[known]))
        return found

    def correct(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """The share of the known labels of each pair that are right; NaN without any."""
        known = ~np.isnan(targets)
        with np.errstate(invalid="ignore"):
            return (known & (targets == predictions)).sum(axis=1) / known.sum(axis=1)

    def strata(self, targets: np.ndarray) -> np.ndarray:
        return np.hstack([targets == 1, targets == 0]).astype(int)

    def measures(
        self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        return macro(self.one_against_rest(targets, scores, predictions), weights)

    def calibrate(self, scores: np.ndarray, targets: np.ndarray) -> Calibration:
        """A line a label; a label without pairs of both classes keeps its scores."""
        lines = []
        for each in self.one_against_rest(targets, scores, self.decide(scores)):
            lines.append(calibrating_line(each.score, each.label) if len(np.unique(each.label)) == 2 else (1.0, 0.0))
        slope, intercept = map(list, zip(*lines, strict=True))
        return Calibration(slope=slope, intercept=intercept)

    def probabilities(self, scores: np.ndarray, calibration: Calibration) -> np.ndarray:
        return expit(log_odds(scores) * calibration.slope + calibration.intercept)

"""Several classes that exclude each other: one label column, the number of the class, and a score a class."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from lungfuse.calibration import INTERCEPTS, LIMIT, SLOPES
from lungfuse.measures import METRICS, OneAgainstRest, macro
from lungfuse.tasks import Calibration, Kind, weighted_cross_entropy
from lungfuse.tasks import Task as AnyTask

if TYPE_CHECKING:
    from torch import Tensor

MIN_LABELS, MAX_LABELS, EXCLUSIVE = 2, None, True


class Task(AnyTask):
    """Networks give a logit a class, and are trained with cross-entropy.

    Accuracy is the share of pairs whose class is right, balanced accuracy the mean share over the classes; AUROC, AUPRC
    and the others are means over the classes, each against the rest.
    """

    shown = ("accuracy", "balanced_accuracy", "auroc", "auprc")
    means = "All but accuracy are means over the classes, each against the rest."
    excludes = True

    def columns(self, kind: Kind) -> list[str]:
        return [kind] if kind in ("label", "prediction") else [f"{kind}_{label}" for label in self.labels]

    @property
    def outputs(self) -> int:
        return len(self.labels)

    def weights(self, targets: np.ndarray) -> np.ndarray:
        """A class without pairs counts as one of the mean size."""
        counts = np.bincount(targets[:, 0].astype(int), minlength=len(self.labels))
        return np.where(counts > 0, len(targets) / (len(self.labels) * np.maximum(counts, 1)), 1.0)

    def loss(self, logits: "Tensor", targets: "Tensor", weights: "Tensor", label_smoothing: float) -> "Tensor":
        return weighted_cross_entropy(logits, targets[:, 0].long(), weights, label_smoothing)

    def scores(self, logits: "Tensor") -> "Tensor":
        return logits.softmax(-1)

    def decide(self, scores: np.ndarray) -> np.ndarray:
        return scores.argmax(axis=1)[:, None]

    def one_against_rest(
        self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray
    ) -> list[OneAgainstRest]:
        known = np.ones(len(targets), bool)
        return [
            OneAgainstRest(
                label, known, (targets[:, 0] == n).astype(int), scores[:, n], (predictions[:, 0] == n).astype(int)
            )
            for n, label in enumerate(self.labels)
        ]

    def correct(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        return (targets == predictions)[:, 0].astype(float)

    def strata(self, targets: np.ndarray) -> np.ndarray:
        return np.hstack([targets == label for label in range(len(self.labels))]).astype(int)

    def measures(
        self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        found = macro(self.one_against_rest(targets, scores, predictions), weights)
        found[METRICS.index("accuracy")] = weights @ self.correct(targets, predictions) / weights.sum(axis=1)
        found[METRICS.index("balanced_accuracy")] = found[METRICS.index("sensitivity")]
        return found

    def calibrate(self, scores: np.ndarray, targets: np.ndarray) -> Calibration:
        """One temperature, and an intercept a class, with the least log loss.

        Labels are moved towards each other as by one more pair of every class.
        """
        counts = np.bincount(targets[:, 0].astype(int), minlength=len(self.labels))
        moved = 1 / (counts[targets[:, 0].astype(int)] + len(self.labels))[:, None]
        wanted = self.strata(targets) * (1 - len(self.labels) * moved) + moved
        logs = _logarithms(scores)

        def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
            z = logs * line[0] + line[1:]
            wrong = softmax(z, axis=1) - wanted
            slopes = np.concatenate([[(wrong * logs).sum()], wrong.sum(axis=0)])
            return -(wanted * log_softmax(z, axis=1)).sum() / len(z), slopes / len(z)

        start = np.concatenate([[1.0], np.zeros(len(self.labels))])
        bounds = [SLOPES, *[INTERCEPTS] * len(self.labels)]
        slope, *intercept = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        return Calibration(slope=[float(slope)] * len(self.labels), intercept=list(map(float, intercept)))

    def probabilities(self, scores: np.ndarray, calibration: Calibration) -> np.ndarray:
        return softmax(_logarithms(scores) * calibration.slope + calibration.intercept, axis=1)


def _logarithms(scores: np.ndarray) -> np.ndarray:
    return np.log(np.clip(scores, LIMIT, 1))

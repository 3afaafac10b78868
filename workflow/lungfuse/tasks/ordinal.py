"""Grades: classes in an order, from the least to the most. One label column, the number of the grade.

Networks give the log odds of "this grade or more" for each grade but the first (cumulative logits; McCullagh,
Regression Models for Ordinal Data, 1980). Each is below the one before it by a positive step, so that no grade has a
negative probability.
"""

from typing import TYPE_CHECKING

import numpy as np

from lungfuse.measures import METRICS, OneAgainstRest, absolute_error, macro, quadratic_kappa
from lungfuse.tasks.multiclass import Task as Classes

if TYPE_CHECKING:
    from torch import Tensor

MIN_LABELS, MAX_LABELS, EXCLUSIVE = 3, None, True
ASKS_FOR = "grades"


class Task(Classes):
    """Scores are those of the grades and sum to 1; the median grade is decided for, which errs by the fewest grades.

    AUROC, AUPRC, sensitivity and specificity are means over the questions "this grade or more"; balanced accuracy is
    the mean share over the grades. Quadratic kappa is 1 for full agreement and 0 for that of chance (Cohen, 1968); the
    mean absolute error is in grades.
    """

    measured = (*METRICS, "quadratic_kappa", "mae")
    shown = ("accuracy", "quadratic_kappa", "mae", "auroc")
    means = (
        "AUROC, AUPRC, sensitivity and specificity are means over the questions whether a pair is of a grade or more; "
        "MAE is in grades."
    )

    @property
    def outputs(self) -> int:
        return len(self.labels) - 1

    @property
    def ranked(self) -> list[str]:
        return [f"{name} or more" for name in self.labels[1:]]

    def loss(self, logits: "Tensor", targets: "Tensor", weights: "Tensor", label_smoothing: float) -> "Tensor":
        """The negative log likelihood of the grade of each pair, smoothed over all grades."""
        logs, grades = self.class_logits(logits), targets[:, 0].long()
        own = logs.gather(1, grades[:, None])[:, 0]
        losses = -(1 - label_smoothing) * own - label_smoothing * logs.mean(1)
        return (losses * weights[grades]).sum() / weights[grades].sum()

    def scores(self, logits: "Tensor") -> "Tensor":
        return self.class_logits(logits).exp()

    def class_logits(self, logits: "Tensor") -> "Tensor":
        """The logarithms of the probabilities of all grades, (B, output) to (B, grade).

        With odds a of a grade or more and b of the next, b = a - softplus(s): p = sigmoid(a) sigmoid(-b) sigmoid(s).
        """
        from torch import cat, zeros_like
        from torch.nn.functional import logsigmoid, softplus

        first, steps = logits[:, :1], logits[:, 1:]
        odds = cat([first, first - softplus(steps).cumsum(1)], dim=1)
        nothing = zeros_like(first)
        reached, not_next = cat([nothing, logsigmoid(odds)], dim=1), cat([logsigmoid(-odds), nothing], dim=1)
        return reached + not_next + cat([nothing, logsigmoid(steps), nothing], dim=1)

    def decide(self, scores: np.ndarray) -> np.ndarray:
        return (at_least(scores) >= 0.5).sum(axis=1)[:, None]

    def rankings(self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray) -> list[OneAgainstRest]:
        """The questions whether a pair is of a grade or more, of each grade but the first."""
        known, reached = np.ones(len(targets), bool), at_least(scores)
        return [
            OneAgainstRest(
                name, known, (targets[:, 0] > n).astype(int), reached[:, n], (predictions[:, 0] > n).astype(int)
            )
            for n, name in enumerate(self.ranked)
        ]

    def measures(
        self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        of_grades = super().measures(targets, scores, predictions, weights)
        found = macro(self.rankings(targets, scores, predictions), weights)
        for metric in ["accuracy", "balanced_accuracy"]:
            found[METRICS.index(metric)] = of_grades[METRICS.index(metric)]
        kappa = quadratic_kappa(targets[:, 0], predictions[:, 0], weights)
        return np.vstack([found, kappa, absolute_error(targets[:, 0], predictions[:, 0], weights)])


def at_least(scores: np.ndarray) -> np.ndarray:
    """The probability of each grade but the first, or more: (pair, grade) to (pair, grade - 1)."""
    return scores[:, :0:-1].cumsum(axis=1)[:, ::-1]

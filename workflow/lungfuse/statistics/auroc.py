"""Areas under the ROC and the precision-recall curve, of many weightings of the same rows at once."""

import numpy as np


class Ranking:
    """The rows of two labels in the order of their scores.

    Parameters
    ----------
    labels, scores
        Shape (row,); labels are 0 or 1, a higher score means label 1.
    weights
        Shape (resample, row): how often a row counts.
    """

    def __init__(self, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> None:
        order = np.argsort(scores, kind="stable")
        negative, self.positive = (order[labels[order] == label] for label in (0, 1))
        own, others = scores[self.positive], scores[negative]
        self.below, self.up_to = (np.searchsorted(others, own, side) for side in ("left", "right"))
        self.first_equal = np.searchsorted(own, own)
        self.of_positive = weights[:, self.positive]
        # of_negative[:, i]: the weight of the i negatives with the lowest scores
        self.of_negative = np.pad(np.cumsum(weights[:, negative], axis=-1), ((0, 0), (1, 0)))
        self.positives, self.negatives = self.of_positive.sum(-1), self.of_negative[:, -1]

    def auroc(self) -> np.ndarray:
        """Shape (resample,); ties count half (Mann-Whitney). NaN where a label has no weight."""
        ranked = (self.of_positive * (self.of_negative[:, self.below] + self.of_negative[:, self.up_to])).sum(-1) / 2
        with np.errstate(invalid="ignore"):
            return ranked / (self.positives * self.negatives)

    def auprc(self) -> np.ndarray:
        """Average precision, shape (resample,); ties are one threshold. NaN where no row of label 1 has weight."""
        missed = np.pad(np.cumsum(self.of_positive, axis=-1), ((0, 0), (1, 0)))[:, self.first_equal]
        found = self.positives[:, None] - missed
        alarms = self.negatives[:, None] - self.of_negative[:, self.below]
        precision = np.divide(found, found + alarms, where=self.of_positive > 0, out=np.zeros(found.shape))
        with np.errstate(invalid="ignore"):
            return (self.of_positive * precision).sum(-1) / self.positives


def auroc_of_presence(of_negative: np.ndarray, of_positive: np.ndarray) -> np.ndarray:
    """The AUROC of something that is there or not, from the shares of both labels that have it."""
    return 0.5 + (of_positive - of_negative) / 2

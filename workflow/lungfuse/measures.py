"""The metrics of a comparison, of many weightings of the same rows at once."""

import numpy as np

from lungfuse.tasks import OneAgainstRest

METRICS = ["accuracy", "auroc", "balanced_accuracy", "auprc", "sensitivity", "specificity"]


def of_one_label(labels: np.ndarray, scores: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The metrics of one label, of one or many weightings of the same rows, in the order of `METRICS`.

    Parameters
    ----------
    labels, scores, predictions
        Shape (row,); labels and predictions are 0 or 1, a higher score means label 1.
    weights
        Shape (resample, row): how often a row counts.

    Returns
    -------
    Shape (metric, resample), in [0, 1]; NaN where a class has no weight. Ties in `scores` count half for the AUROC
    (Mann-Whitney) and are one threshold for the AUPRC (average precision).
    """
    order = np.argsort(scores, kind="stable")
    negative, positive = (order[labels[order] == label] for label in (0, 1))
    below, up_to = (np.searchsorted(scores[negative], scores[positive], side) for side in ("left", "right"))
    of_positive = weights[:, positive]
    # of_negative[:, i]: the weight of the i negatives with the lowest scores
    of_negative = np.pad(np.cumsum(weights[:, negative], axis=-1), ((0, 0), (1, 0)))
    positives, negatives = of_positive.sum(-1), of_negative[:, -1]
    ranked = (of_positive * (of_negative[:, below] + of_negative[:, up_to])).sum(-1) / 2
    missed = np.pad(np.cumsum(of_positive, axis=-1), ((0, 0), (1, 0)))
    missed = missed[:, np.searchsorted(scores[positive], scores[positive])]  # positives with a lower score
    found, alarms = positives[:, None] - missed, negatives[:, None] - of_negative[:, below]
    correct = labels == predictions
    right_positives = of_positive[:, correct[positive]].sum(-1)
    right_negatives = weights[:, (labels == 0) & correct].sum(-1)
    with np.errstate(invalid="ignore"):
        precision = np.divide(found, found + alarms, where=of_positive > 0, out=np.zeros(found.shape))
        sensitivity, specificity = right_positives / positives, right_negatives / negatives
        return np.stack(
            [
                (right_positives + right_negatives) / (positives + negatives),
                ranked / (positives * negatives),
                (sensitivity + specificity) / 2,
                (of_positive * precision).sum(-1) / positives,
                sensitivity,
                specificity,
            ]
        )


def macro(labels: list[OneAgainstRest], weights: np.ndarray) -> np.ndarray:
    """The mean of each metric over labels, (metric, resample); each label counts the same.

    A label of which a resample, of `weights` (resample, pair), has one class alone is left out of its mean of what that
    does not define; NaN where no label defines it.
    """
    found = np.stack([of_one_label(each.label, each.score, each.prediction, weights[:, each.known]) for each in labels])
    defined = np.isfinite(found)
    with np.errstate(invalid="ignore"):
        return np.where(defined, found, 0).sum(axis=0) / defined.sum(axis=0)

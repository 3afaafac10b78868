"""The metrics of a comparison, of many weightings of the same rows at once."""

from dataclasses import dataclass

import numpy as np

from lungfuse.statistics.auroc import Ranking

METRICS = ["accuracy", "auroc", "balanced_accuracy", "auprc", "sensitivity", "specificity"]


@dataclass(frozen=True)
class OneAgainstRest:
    """One label of a task by itself: `label` 0 or 1, `score` and `prediction` of the pairs where it is `known`.

    `known` is bool of shape (pair,); the others have one entry a known pair.
    """

    name: str
    known: np.ndarray
    label: np.ndarray
    score: np.ndarray
    prediction: np.ndarray


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
    ranking, correct = Ranking(labels, scores, weights), labels == predictions
    right_positives = ranking.of_positive[:, correct[ranking.positive]].sum(-1)
    right_negatives = weights[:, (labels == 0) & correct].sum(-1)
    with np.errstate(invalid="ignore"):
        sensitivity, specificity = right_positives / ranking.positives, right_negatives / ranking.negatives
        accuracy = (right_positives + right_negatives) / (ranking.positives + ranking.negatives)
    balanced = (sensitivity + specificity) / 2
    return np.stack([accuracy, ranking.auroc(), balanced, ranking.auprc(), sensitivity, specificity])


def macro(labels: list[OneAgainstRest], weights: np.ndarray) -> np.ndarray:
    """The mean of each metric over labels, (metric, resample); each label counts the same.

    A label of which a resample, of `weights` (resample, pair), has one class alone is left out of its mean of what that
    does not define; NaN where no label defines it.
    """
    found = np.stack([of_one_label(each.label, each.score, each.prediction, weights[:, each.known]) for each in labels])
    defined = np.isfinite(found)
    with np.errstate(invalid="ignore"):
        return np.where(defined, found, 0).sum(axis=0) / defined.sum(axis=0)


def quadratic_kappa(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Cohen's kappa with quadratic weights, (resample,), of whole numbers (row,) and weights (resample, row).

    1 less the mean squared difference over the one of independent draws; NaN where nothing differs (Cohen, Weighted
    kappa, 1968, https://doi.org/10.1037/h0026256).
    """
    total = weights.sum(axis=1)

    def mean(values: np.ndarray) -> np.ndarray:
        return weights @ values / total

    by_chance = mean(truth**2) + mean(predictions**2) - 2 * mean(truth) * mean(predictions)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - mean((truth - predictions) ** 2) / by_chance


def squared_error(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean squared error, (resample,), in the square of the unit of `truth`."""
    return weights @ np.square(truth - predictions) / weights.sum(axis=1)


def absolute_error(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean absolute error, (resample,), in the unit of `truth`."""
    return weights @ np.abs(truth - predictions) / weights.sum(axis=1)

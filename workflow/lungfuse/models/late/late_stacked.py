"""Stacked late fusion: a logistic regression on the log odds of the scores of unimodal rows."""

import numpy as np
from scipy.special import expit, logit, softmax
from sklearn.linear_model import LogisticRegression

from lungfuse.tasks import Task

NEEDS, MAY, LEAST = [], "any", 2


def fit(scores: np.ndarray, targets: np.ndarray, task: Task, weights: np.ndarray) -> dict:
    """Fit on pairs that no part has learned from; scores are (part, pair, score column), weights (pair, score column).

    They are those by which each part's epoch was chosen, so all look a little better there than they are. Each score
    column, a label or a class against the rest, has weights of its own; one of which the pairs have one class alone
    keeps the mean of its parts.
    """
    fitted = []
    for each, column in zip(
        task.one_against_rest(targets, scores[0], task.decide(scores[0])), range(scores.shape[2]), strict=True
    ):
        if len(np.unique(each.label)) < 2:
            fitted.append({"coefficients": [1 / len(scores)] * len(scores), "intercept": 0.0})
            continue
        odds, counts = _log_odds(scores[:, each.known, column]).T, weights[each.known, column]
        model = LogisticRegression().fit(odds, each.label, sample_weight=counts)
        fitted.append({"coefficients": model.coef_[0].tolist(), "intercept": float(model.intercept_[0])})
    return {"columns": fitted}


def fuse(scores: np.ndarray, fitted: dict, task: Task) -> np.ndarray:
    """Scores of each part, (part, pair, score column), to one score, (pair, score column), all in [0, 1]."""
    odds = [
        _log_odds(scores[..., column]).T @ weights["coefficients"] + weights["intercept"]
        for column, weights in enumerate(fitted["columns"])
    ]
    return softmax(np.stack(odds, 1), axis=1) if task.excludes else expit(np.stack(odds, 1))


def _log_odds(scores: np.ndarray) -> np.ndarray:
    return logit(scores.clip(1e-4, 1 - 1e-4))

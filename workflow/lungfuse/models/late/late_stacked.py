"""Stacked late fusion: a logistic regression on the log odds of the scores of unimodal rows."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, softmax
from sklearn.linear_model import LogisticRegression

from lungfuse.tasks import Task

if TYPE_CHECKING:
    from torch import Tensor

REQUIRED, OPTIONAL, MIN_INPUTS = [], "any", 2


def fit(scores: np.ndarray, targets: np.ndarray, task: Task, weights: np.ndarray) -> dict:
    """Fit on pairs that no part has learned from; scores are (part, pair, score column), weights (pair, score column).

    They are those by which each part's epoch was chosen, so all look a little better there than they are. Each of
    classes that exclude each other has weights of its own, learned against the rest. Labels share theirs: a rare one
    has a handful of positive pairs here, and the parts have set its level already. Where the pairs have one class
    alone, scores are the mean of the log odds of the parts.
    """
    columns = [
        (_log_odds(scores[:, each.known, column]).T, each.label, weights[each.known, column])
        for column, each in enumerate(task.one_against_rest(targets, scores[0], task.decide(scores[0])))
    ]
    if task.excludes:
        return {"columns": [_regression(*column) for column in columns]}
    return {"columns": [_regression(*map(np.concatenate, zip(*columns, strict=True)))] * len(columns)}


def fuse(scores: np.ndarray, fitted: dict, task: Task) -> np.ndarray:
    """Scores of each part, (part, pair, score column), to one score, (pair, score column), all in [0, 1]."""
    odds = np.stack(combine(_log_odds(scores), fitted), 1)
    return softmax(odds, axis=1) if task.excludes else expit(odds)


def combine(odds: "np.ndarray | Tensor", fitted: dict) -> "list[np.ndarray | Tensor]":
    """Log odds of the scores of each part, (part, pair, score column), to those of the fusion, (pair,) a column."""
    return [
        sum(weight * each for weight, each in zip(weights["coefficients"], odds[..., column], strict=True))
        + weights["intercept"]
        for column, weights in enumerate(fitted["columns"])
    ]


def _regression(odds: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> dict:
    """The line of a logistic regression on log odds (pair, part)."""
    if (labels % 1 > 0).any():  # a share is both, by its weight
        odds, weights = np.tile(odds, (2, 1)), np.concatenate([labels * weights, (1 - labels) * weights])
        labels = np.repeat([1, 0], len(labels))
    if len(np.unique(labels)) < 2:
        return {"coefficients": [1 / odds.shape[1]] * odds.shape[1], "intercept": 0.0}
    model = LogisticRegression().fit(odds, labels, sample_weight=weights)
    return {"coefficients": model.coef_[0].tolist(), "intercept": float(model.intercept_[0])}


def _log_odds(scores: np.ndarray) -> np.ndarray:
    return logit(scores.clip(1e-4, 1 - 1e-4))

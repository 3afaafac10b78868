"""Late fusion: the mean of the scores of unimodal rows."""

import numpy as np

from lungfuse.tasks import Task

REQUIRED, OPTIONAL, MIN_INPUTS = [], "any", 2


def fit(scores: np.ndarray, targets: np.ndarray, task: Task, weights: np.ndarray) -> dict:
    """Nothing is fitted."""
    return {}


def fuse(scores: np.ndarray, fitted: dict, task: Task) -> np.ndarray:
    """Scores of each part, (part, pair, score column), to one score, (pair, score column), all in [0, 1]."""
    return scores.mean(axis=0)

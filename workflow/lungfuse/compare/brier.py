"""Brier scores, and labels by themselves as they need them."""

from typing import Literal

import numpy as np
import pandas as pd

from lungfuse.measures import OneAgainstRest
from lungfuse.tasks import Task


def brier_score(task: Task, predictions: pd.DataFrame, of: Literal["score", "probability"]) -> float:
    """The Brier score of two classes; the mean of those of each label, or of each class against the rest."""
    return float(np.mean([np.mean((each.score - each.label) ** 2) for each in known_labels(task, predictions, of)]))


def known_labels(task: Task, predictions: pd.DataFrame, of: Literal["score", "probability"]) -> list[OneAgainstRest]:
    """Each label that is known of a pair by itself, with its scores or probabilities."""
    arrays = [task.targets(predictions), task.of(of, predictions), task.of("prediction", predictions)]
    return [each for each in task.one_against_rest(*arrays) if len(each.label)]

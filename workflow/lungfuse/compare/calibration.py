"""How well scores, and the probabilities made of them, are probabilities."""

from typing import Literal

import numpy as np
import pandas as pd

from lungfuse.calibration import slope_of
from lungfuse.settings.rows import Row
from lungfuse.tasks import OneAgainstRest, Task


def calibration(task: Task, names: list[str], models: list[Row], joined: list[pd.DataFrame]) -> pd.DataFrame:
    """The table `Calibration` from the predictions of each row, all repeats together."""
    records = []
    for name, row, frame in zip(names, models, joined, strict=True):
        record = row.named | {"row": name}
        for of in ["score", "probability"]:
            slopes = [slope_of(each.score, each.label) for each in known_labels(task, frame, of)]
            record |= {f"brier_{of}": brier_score(task, frame, of), f"slope_{of}": pd.Series(slopes).mean()}
        records.append(record)
    return pd.DataFrame(records).round(4)


def brier_score(task: Task, predictions: pd.DataFrame, of: Literal["score", "probability"]) -> float:
    """The Brier score of two classes; the mean of those of each label, or of each class against the rest."""
    return float(np.mean([np.mean((each.score - each.label) ** 2) for each in known_labels(task, predictions, of)]))


def known_labels(task: Task, predictions: pd.DataFrame, of: Literal["score", "probability"]) -> list[OneAgainstRest]:
    """Each label that is known of a pair by itself, with its scores or probabilities."""
    arrays = [task.targets(predictions), task.of(of, predictions), task.of("prediction", predictions)]
    return [each for each in task.one_against_rest(*arrays) if len(each.label)]

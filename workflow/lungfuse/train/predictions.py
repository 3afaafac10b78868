"""Scores of the trainings of a row as its tables of predictions."""

from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.ingest.parts import UNTESTED
from lungfuse.tables.base import write_table
from lungfuse.tables.training import Predictions, ValidationPredictions
from lungfuse.tasks import Calibration, Kind, Task

DIGITS = 6


def write_predictions(
    pairs: pd.DataFrame, trainings: list[pd.DataFrame], task: Task, predictions: Path, validated: Path
) -> None:
    """Write `Predictions` and `ValidationPredictions`, in the order of the pairs, from `FoldPredictions`.

    Raises:
        UserError: a pair has no test score in a repeat, or a score is of no pair.
    """
    place = pd.Series(range(len(pairs)), pairs["pair_id"])
    scores = pd.concat([calibrated(training, task) for training in trainings])
    scores = scores.round(dict.fromkeys([*task.columns("score"), *task.columns("probability")], DIGITS))
    scores = with_columns(scores, "prediction", task.decide(task.of("score", scores)), task)
    scores = scores.assign(place=scores["pair_id"].map(place)).sort_values(["repeat", "fold", "place"])
    tested_pairs = pairs[pairs["fold"] != UNTESTED]
    tested, known = (scores[scores["part"] == part] for part in ["test", "validation"])
    if (tested.groupby("repeat").size() != len(tested_pairs)).any() or tested["place"].isna().any():
        raise UserError(
            f"{predictions}: {len(tested)} test scores for {len(tested_pairs)} pairs; expected one a pair and repeat. "
            "Make the scores of all folds from these pairs."
        )
    write_table(tested.sort_values(["repeat", "place"]), predictions, Predictions)
    write_table(known, validated, ValidationPredictions)


def calibrated(scores: pd.DataFrame, task: Task) -> pd.DataFrame:
    """`FoldPredictions` of a training with the probabilities that its validation pairs make of its scores."""
    found = scores[task.columns("score")].to_numpy()  # in the precision of the model
    return with_columns(scores, "probability", task.probabilities(found, calibration_of(scores, task)), task)


def calibration_of(scores: pd.DataFrame, task: Task) -> Calibration:
    """How the scores of a training, `FoldPredictions`, become probabilities: by its validation pairs."""
    known = scores[scores["part"] == "validation"]
    return task.calibrate(known[task.columns("score")].to_numpy(), task.targets(known))


def with_columns(frame: pd.DataFrame, kind: Kind, values: np.ndarray, task: Task) -> pd.DataFrame:
    """A table with columns of one kind, of `values` (row, column)."""
    return frame.assign(**dict(zip(task.columns(kind), values.T, strict=True)))

"""Scores of the trainings of a row as its tables of predictions."""

from pathlib import Path

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.tables.base import write_table
from lungfuse.tables.training import Predictions, ValidationPredictions
from lungfuse.train.calibration import calibrate


def write_predictions(pairs: pd.DataFrame, trainings: list[pd.DataFrame], predictions: Path, validated: Path) -> None:
    """Write `Predictions` and `ValidationPredictions`, in the order of the pairs, from `FoldPredictions`.

    Raises:
        UserError: a pair has no test score in a repeat, or a score is of no pair.
    """
    place = pd.Series(range(len(pairs)), pairs["pair_id"])
    scores = pd.concat(map(calibrated, trainings)).round({"score": 6, "probability": 6})
    scores = scores.assign(place=scores["pair_id"].map(place), prediction=(scores["score"] >= 0.5).astype(int))
    scores = scores.sort_values(["repeat", "fold", "place"])
    tested, known = (scores[scores["part"] == part] for part in ["test", "validation"])
    if (tested.groupby("repeat").size() != len(pairs)).any() or tested["place"].isna().any():
        raise UserError(
            f"{predictions}: {len(tested)} test scores for {len(pairs)} pairs; expected one a pair and repeat. "
            "Make the scores of all folds from these pairs."
        )
    write_table(tested.sort_values(["repeat", "place"]), predictions, Predictions)
    write_table(known, validated, ValidationPredictions)


def calibrated(scores: pd.DataFrame) -> pd.DataFrame:
    """`FoldPredictions` of a training with the `probability` that its validation pairs make of each score."""
    known = scores[scores["part"] == "validation"]
    calibration = calibrate(known["score"].to_numpy(), known["label"].to_numpy())
    return scores.assign(probability=calibration.apply(scores["score"].to_numpy()))

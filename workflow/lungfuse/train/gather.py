"""The scores of every training of a row to its out-of-fold predictions, and to those of its validation pairs."""

from pathlib import Path

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.parameters import Several
from lungfuse.tables import (
    FoldPredictions,
    Pairs,
    Predictions,
    ValidationPredictions,
    read_table,
    write_table,
)
from lungfuse.train.calibration import calibrate


def main(*, pairs: Path, fold_predictions: Several[Path], predictions: Path, validated: Path) -> None:
    """Join the test scores of the folds to the pairs.

    Parameters
    ----------
    pairs
        Table of pairs with folds.
    fold_predictions
        Scores of each training, one file a fold and repeat.
    predictions
        Output: out-of-fold predictions.
    validated
        Output: scores of the validation pairs of each fold.
    """
    scores = [read_table(path, FoldPredictions) for path in fold_predictions]
    write_predictions(read_table(pairs, Pairs), scores, predictions, validated)


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

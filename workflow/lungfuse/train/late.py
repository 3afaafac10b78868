"""Late fusion: the scores of an image model and a text model, averaged or stacked."""

import json
import os
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from lungfuse.files import whole_file
from lungfuse.parameters import Several
from lungfuse.settings.rows import Row
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import FoldPredictions
from lungfuse.train.calibration import calibrate
from lungfuse.train.predictions import write_predictions

PARTS = ["image", "text"]


class Weights(TypedDict):
    """Those of a logistic regression on the log odds of `PARTS`."""

    coefficients: list[float]
    intercept: float


def main(
    *,
    row: Row,
    pairs: Path,
    image_folds: Several[Path],
    text_folds: Several[Path],
    predictions: Path,
    validated: Path,
    settings: Path,
) -> None:
    """Fuse the scores of each fold's image and text models.

    Parameters
    ----------
    row
        The row of the comparison table: late or late-stacked.
    pairs
        Table of pairs with folds.
    image_folds
        Scores of the image model, one file a fold and repeat.
    text_folds
        Scores of the text model, in the same order.
    predictions
        Output: out-of-fold predictions.
    validated
        Output: scores of the validation pairs of each fold; the weights of late-stacked are fitted on these.
    settings
        Output: the folders of each fold's models and their weights, for prediction.
    """
    fused, folds = [], []
    for files in zip(image_folds, text_folds, strict=True):
        image, text = (read_table(path, FoldPredictions) for path in files)
        keys = ["pair_id", "fold", "repeat", "label", "part"]
        both = image.merge(text, on=keys, suffixes=("_image", "_text"), validate="one_to_one")
        known = both[both["part"] == "validation"]
        fold = {part: os.path.relpath(file.parent, settings.parent) for part, file in zip(PARTS, files, strict=True)}
        if row.model == "late-stacked":
            fold["weights"] = stack(scores_of(known), known["label"].to_numpy())
        scores = both[keys].assign(score=fuse(scores_of(both), fold.get("weights")))
        known = scores[scores["part"] == "validation"]
        fold["calibration"] = calibrate(known["score"].to_numpy(), known["label"].to_numpy()).model_dump()
        fused.append(scores)
        folds.append(fold)
    write_predictions(read_table(pairs, Pairs), fused, predictions, validated)
    with whole_file(settings) as stream:
        json.dump({"row": row.model_dump(), "folds": folds}, stream, indent=2)


def scores_of(both: pd.DataFrame) -> np.ndarray:
    """The scores of image and text, (pair, 2)."""
    return both[[f"score_{part}" for part in PARTS]].to_numpy()


def fuse(scores: np.ndarray, weights: Weights | None) -> np.ndarray:
    """The mean of both scores or, with weights, what a logistic regression on their log odds gives.

    (pair, 2) to (pair,), all in [0, 1].
    """
    if weights is None:
        return scores.mean(axis=1)
    return expit(_log_odds(scores) @ weights["coefficients"] + weights["intercept"])


def stack(scores: np.ndarray, labels: np.ndarray) -> Weights:
    """Fit a logistic regression on the log odds of pairs that neither model has learned from.

    They are those by which each model's epoch was chosen, so both look a little better there than they are.
    """
    model = LogisticRegression().fit(_log_odds(scores), labels)
    return {"coefficients": model.coef_[0].tolist(), "intercept": float(model.intercept_[0])}


def _log_odds(scores: np.ndarray) -> np.ndarray:
    return logit(scores.clip(1e-4, 1 - 1e-4))

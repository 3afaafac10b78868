"""Late fusion: the scores of an image model and a text model, averaged or stacked."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from lungfuse.parameters import Several
from lungfuse.settings import Row
from lungfuse.tables import FoldPredictions, Pairs, read_table
from lungfuse.train.gather import write_predictions


def main(*, row: Row, pairs: Path, image_folds: Several[Path], text_folds: Several[Path], predictions: Path) -> None:
    """Fuse the scores of each fold's image and text models.

    Parameters
    ----------
    row
        The row of the comparison table: late or late-stacked.
    pairs
        Table of pairs with folds.
    image_folds
        Scores of the image model, one file a fold.
    text_folds
        Scores of the text model, one file a fold, in the same order.
    predictions
        Output: out-of-fold predictions, one row a pair.
    """
    fuse = {"late": mean, "late-stacked": stack}[row.model]
    fused = []
    for files in zip(image_folds, text_folds, strict=True):
        image, text = (read_table(path, FoldPredictions) for path in files)
        both = image.merge(text, on=["pair_id", "label", "part"], suffixes=("_image", "_text"), validate="one_to_one")
        fused.append(fuse(both[both["part"] == "validation"], both[both["part"] == "test"]))
    write_predictions(read_table(pairs, Pairs), pd.concat(fused), predictions)


def mean(validation: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """The mean of both scores."""
    return test.assign(score=(test["score_image"] + test["score_text"]) / 2)


def stack(validation: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """A logistic regression on both log odds, fitted on pairs of the training folds that neither model learned from."""
    model = LogisticRegression().fit(_log_odds(validation), validation["label"])
    return test.assign(score=model.predict_proba(_log_odds(test))[:, 1])


def _log_odds(scores: pd.DataFrame) -> np.ndarray:
    return logit(scores[["score_image", "score_text"]].clip(1e-4, 1 - 1e-4).to_numpy())

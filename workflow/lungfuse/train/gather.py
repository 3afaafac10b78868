"""The test scores of every fold's model to one table of out-of-fold predictions."""

from pathlib import Path

import pandas as pd

from lungfuse.parameters import Several
from lungfuse.tables import FoldPredictions, Pairs, Predictions, read_table, write_table


def main(*, pairs: Path, fold_predictions: Several[Path], predictions: Path) -> None:
    """Join the test scores of the folds to the pairs.

    Parameters
    ----------
    pairs
        Table of pairs with folds.
    fold_predictions
        Scores of each fold's model, one file a fold.
    predictions
        Output: out-of-fold predictions, one row a pair.
    """
    scores = pd.concat([read_table(path, FoldPredictions) for path in fold_predictions])
    write_predictions(read_table(pairs, Pairs), scores[scores["part"] == "test"], predictions)


def write_predictions(pairs: pd.DataFrame, scores: pd.DataFrame, path: Path) -> None:
    """Write `Predictions`, in the order of `pairs`, from a table with pair_id and score."""
    joined = pairs[["pair_id", "fold", "label"]].merge(
        scores[["pair_id", "score"]], on="pair_id", how="left", validate="one_to_one"
    )
    joined["score"] = joined["score"].round(6)
    write_table(joined.assign(prediction=(joined["score"] >= 0.5).astype(int)), path, Predictions)

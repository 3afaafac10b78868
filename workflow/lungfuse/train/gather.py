"""The scores of every training of a row to its out-of-fold predictions, and to those of its validation pairs."""

from pathlib import Path

from lungfuse.parameters import Several
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import load_task
from lungfuse.train.predictions import write_predictions


def main(
    *,
    task: str,
    labels: Several[str],
    pairs: Path,
    fold_predictions: Several[Path],
    predictions: Path,
    validated: Path,
) -> None:
    """Join the test scores of the folds to the pairs.

    Parameters
    ----------
    task
        What is asked of a pair: binary, multiclass or multilabel.
    labels
        Names of the classes or labels.
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
    write_predictions(read_table(pairs, Pairs), scores, load_task(task, labels), predictions, validated)

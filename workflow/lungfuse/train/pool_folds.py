"""The scores of every training of a row to its out-of-fold predictions, and to those of its validation pairs."""

from pathlib import Path

from lungfuse.parameters import OutOfFold, Question, Several
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import load_task
from lungfuse.train.predictions import write_predictions


def main(
    *,
    question: Question,
    pairs: Path,
    fold_predictions: Several[Path],
    outputs: OutOfFold,
) -> None:
    """Join the test scores of the folds to the pairs.

    Parameters
    ----------
    question
        What the study asks of a pair.
    pairs
        Table of pairs with folds.
    fold_predictions
        Scores of each training, one file a fold and repeat.
    outputs
        The scores of the row.
    """
    task = load_task(question.task, question.labels)
    scores = [read_table(path, FoldPredictions) for path in fold_predictions]
    write_predictions(read_table(pairs, Pairs), scores, task, outputs.predictions, outputs.validated)

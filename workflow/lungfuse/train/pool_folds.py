"""The scores of every training of a network to its out-of-fold predictions, and to those of its validation pairs."""

from pathlib import Path

import pandas as pd

from lungfuse.files import atomic_write
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import read_model
from lungfuse.plan.runs import run_names
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import load_task
from lungfuse.train.predictions import write_predictions

LOSSES = ["train_loss", "validation_loss"]


def main(*, model: Path, n_seeds: int = 1) -> None:
    """Join the test scores of the folds to the pairs, and average their losses.

    Parameters
    ----------
    model
        The file of the model, which the workflow writes.
    n_seeds
        How often it was trained, each time with a new seed and new folds.
    """
    config = read_model(model)
    layout, task = Layout(config.study), load_task(config.task, config.labels)
    trainings = [layout.network(config.name, run) for run in run_names(config.folds, n_seeds)]
    outputs = layout.predictions(config.name)
    scores = [read_table(files["fold_predictions"], FoldPredictions) for files in trainings]
    write_predictions(
        read_table(layout.split["pairs"], Pairs), scores, task, outputs["predictions"], outputs["validated"]
    )
    write_curve([files["history"] for files in trainings], layout.curve(config.name))


def write_curve(histories: list[Path], curve: Path) -> None:
    """Write the losses by epoch, each the mean of the trainings that have learned so long."""
    losses = pd.concat([pd.read_csv(history, usecols=["epoch", *LOSSES]) for history in histories])
    with atomic_write(curve) as stream:
        losses.groupby("epoch").mean().round(6).to_csv(stream, lineterminator="\n")

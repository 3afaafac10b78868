"""The convolutional networks on raw and segmented images, beside the published figures."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.compare.paired import paired_p
from lungfuse.compare.scores import score_with_intervals
from lungfuse.measures import METRICS
from lungfuse.parameters import Question, Several
from lungfuse.settings.cnns import CNNSettings
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.comparison import CNNComparison
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import EpochPredictions
from lungfuse.tasks import Task, load_task


def main(
    *,
    question: Question,
    cnns: CNNSettings,
    comparison: ComparisonSettings,
    seed: int,
    pairs: Path,
    predictions: Several[Path],
    sources: Several[Path],
    cnn_table: Path,
) -> None:
    """Score every network on every variant, out of fold, and write the table.

    Parameters
    ----------
    question
        What the study asks of a pair.
    cnns
        Settings of the networks, with the published figures.
    comparison
        Settings of the intervals.
    seed
        Seed of the resampling.
    pairs
        Table of pairs.
    predictions
        Out-of-fold scores after each epoch: network by network, variant by variant.
    sources
        Where the weights that each network started from are from.
    cnn_table
        Output: a row a network and variant.
    """
    asked, table = load_task(question.task, question.labels), read_table(pairs, Pairs)
    table = table[cnns.tests(table["fold"])]
    started = {found["network"]: found["weights"] for found in (json.loads(path.read_text()) for path in sources)}
    cases = [(network, variant) for network in cnns.networks for variant in cnns.variants]
    scored: dict[tuple[str, str], pd.DataFrame] = {}
    rows = []
    for (network, variant), path in zip(cases, predictions, strict=True):
        epochs = [joined_scores(asked, table, scores) for scores in epochs_of(asked, path, table)]
        scored[network, variant] = last = epochs[-1]
        found = score_with_intervals(asked, last, comparison.confidence, comparison.resamples, seed)
        against_raw = variant != "raw" and (network, "raw") in scored
        row = {"network": network, "images": variant, "weights": started[network], "n": len(table)}
        for metric in ["accuracy", "auroc"]:
            row |= dict(zip([metric, f"{metric}_low", f"{metric}_high"], np.round(found[metric], 4), strict=True))
        row["p_vs_raw"] = (
            paired_p(asked, last, scored[network, "raw"], comparison.resamples, seed) if against_raw else np.nan
        )
        accuracies = [accuracy(asked, epoch) for epoch in epochs]
        rows.append(
            row | {"epoch_accuracies": listed(accuracies), "published_accuracies": published(cnns, network, variant)}
        )
    frame = pd.DataFrame(rows)
    write_table(frame, cnn_table, CNNComparison)
    print(frame.to_string(index=False))


def epochs_of(task: Task, path: Path, pairs: pd.DataFrame) -> list[np.ndarray]:
    """Out-of-fold scores after each epoch, (pair, score column), in the order of `pairs`."""
    epochs = read_table(path, EpochPredictions).groupby("epoch")
    return [task.of("score", epoch.set_index("pair_id").loc[pairs["pair_id"]]) for _, epoch in epochs]


def joined_scores(task: Task, pairs: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """Scores of the pairs, (pair, score column), as `lungfuse.compare.scores` takes them."""
    decided = {"score": scores, "prediction": task.decide(scores)}
    values = {
        name: column for kind in decided for name, column in zip(task.columns(kind), decided[kind].T, strict=True)
    }
    return pairs[[*task.columns("label"), "group"]].assign(**values, repeat=0)


def accuracy(task: Task, joined: pd.DataFrame) -> float:
    """That of all pairs."""
    arrays = task.targets(joined), task.of("score", joined), task.of("prediction", joined)
    return float(task.measures(*arrays, np.ones((1, len(joined))))[METRICS.index("accuracy"), 0])


def listed(accuracies: list[float]) -> str:
    return " ".join(f"{accuracy:.4f}" for accuracy in accuracies)


def published(cnns: CNNSettings, network: str, variant: str) -> str:
    """The published accuracies of the epochs of a network; there are none for the masks alone."""
    for figures in cnns.published:
        if figures.network == network and not variant.startswith("mask-only"):
            return listed(figures.raw if variant == "raw" else figures.segmented)
    return ""

"""The convolutional networks on raw and segmented images, beside the published figures."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.compare.scores import paired_p, score_with_intervals
from lungfuse.parameters import Several
from lungfuse.settings.cnns import CNNSettings
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.comparison import CNNComparison
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import EpochPredictions


def main(
    *,
    cnns: CNNSettings,
    comparison: ComparisonSettings,
    seed: int,
    pairs: Path,
    predictions: Several[Path],
    sources: Several[Path],
    cnn_table: Path,
) -> None:
    """Score every network on every arm, out of fold, and write the table.

    Parameters
    ----------
    cnns
        Settings of the networks, with the published figures.
    comparison
        Settings of the intervals.
    seed
        Seed of the resampling.
    pairs
        Table of pairs.
    predictions
        Out-of-fold scores after each epoch: network by network, arm by arm.
    sources
        Where the weights that each network started from are from.
    cnn_table
        Output: a row a network and arm.
    """
    table = read_table(pairs, Pairs)
    table = table[cnns.tests(table["fold"])]
    groups = table["group"].to_numpy()
    started = {found["network"]: found["weights"] for found in (json.loads(path.read_text()) for path in sources)}
    cases = [(network, arm) for network in cnns.networks for arm in cnns.arms]
    right: dict[tuple[str, str], np.ndarray] = {}
    rows = []
    for (network, arm), path in zip(cases, predictions, strict=True):
        epochs = epochs_of(path, table)
        scores = epochs[-1]
        found = score_with_intervals(
            table["label"].to_numpy(), scores, (scores >= 0.5).astype(int), groups,
            comparison.confidence, comparison.resamples, seed,
        )  # fmt: skip
        right[network, arm] = (scores >= 0.5) == table["label"]
        against_raw = arm != "raw" and (network, "raw") in right
        row = {"network": network, "images": arm, "weights": started[network], "n": len(table)}
        for metric in ["accuracy", "auroc"]:
            row |= dict(zip([metric, f"{metric}_low", f"{metric}_high"], np.round(found[metric], 4), strict=True))
        row["p_vs_raw"] = (
            paired_p(right[network, arm], right[network, "raw"], groups, comparison.resamples, seed)
            if against_raw
            else np.nan
        )
        accuracies = [((score >= 0.5) == table["label"]).mean() for score in epochs]
        rows.append(
            row | {"epoch_accuracies": listed(accuracies), "published_accuracies": published(cnns, network, arm)}
        )
    frame = pd.DataFrame(rows)
    write_table(frame, cnn_table, CNNComparison)
    print(frame.to_string(index=False))


def epochs_of(path: Path, pairs: pd.DataFrame) -> np.ndarray:
    """Out-of-fold scores after each epoch, (epoch, pair), in the order of `pairs`."""
    scores = read_table(path, EpochPredictions)
    return scores.pivot(index="epoch", columns="pair_id", values="score")[pairs["pair_id"]].to_numpy()


def listed(accuracies: list[float]) -> str:
    return " ".join(f"{accuracy:.4f}" for accuracy in accuracies)


def published(cnns: CNNSettings, network: str, arm: str) -> str:
    """The published accuracies of the epochs of a network; there are none for the masks alone."""
    for figures in cnns.published:
        if figures.network == network and not arm.startswith("mask-only"):
            return listed(figures.raw if arm == "raw" else figures.segmented)
    return ""

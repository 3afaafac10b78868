"""Where a model's errors come from: its scores at each hospital."""

from pathlib import Path
from warnings import catch_warnings

import pandas as pd
from scipy.stats import DegenerateDataWarning

from lungfuse.compare.compare import join_predictions
from lungfuse.compare.scores import score_with_intervals
from lungfuse.parameters import Several
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.rows import Row
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.comparison import Sites
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import Predictions


def main(
    *,
    models: list[Row],
    comparison: ComparisonSettings,
    seed: int,
    pairs: Path,
    predictions: Several[Path],
    sites_table: Path,
) -> None:
    """Score every model at each site.

    Hospitals differ in patients and in the look of their images. A model that only tells them apart scores well over
    all of them and badly at each.

    Parameters
    ----------
    models
        The rows of the comparison table.
    comparison
        Confidence and number of resamples.
    seed
        Seed of the resampling.
    pairs
        Table of pairs with their sites.
    predictions
        Out-of-fold predictions, one file a row of `models`, in the same order.
    sites_table
        Output: scores and errors by model and site.
    """
    table = read_table(pairs, Pairs)
    records = []
    for row, path in zip(models, predictions, strict=True):
        joined = join_predictions(table, read_table(path, Predictions), path).merge(table[["pair_id", "site"]])
        named = {"model": row.label, "images": row.images, "text": row.text}
        records += [named | {"site": site} | at_site(part, comparison, seed) for site, part in joined.groupby("site")]
    frame = pd.DataFrame(records)
    write_table(frame, sites_table, Sites)
    print(frame.to_string(index=False))


def at_site(joined: pd.DataFrame, settings: ComparisonSettings, seed: int) -> dict[str, float]:
    """Number of pairs, accuracy, AUROC and errors of one model at one site, a row of `Sites`.

    What is not defined is NaN: the AUROC of one class, and the limits of one group.
    """
    with catch_warnings(category=DegenerateDataWarning, action="ignore"):
        scores = score_with_intervals(
            *(joined[column].to_numpy() for column in ["label", "score", "prediction", "group"]),
            settings.confidence,
            settings.resamples,
            seed,
            joined["repeat"].to_numpy(),
        )
    repeats = joined["repeat"].nunique()
    errors = joined.loc[joined["label"] != joined["prediction"], "prediction"]
    record = {"n": len(joined) // repeats, "positives": joined["label"].sum() // repeats}
    for metric in ["accuracy", "auroc"]:
        names = [metric, f"{metric}_low", f"{metric}_high"]
        record |= {name: round(value, 4) for name, value in zip(names, scores[metric], strict=True)}
    return record | {"false_positives": (errors == 1).sum() / repeats, "false_negatives": (errors == 0).sum() / repeats}

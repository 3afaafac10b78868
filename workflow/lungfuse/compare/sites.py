"""Where a model's errors come from: its scores at each site."""

from pathlib import Path

import pandas as pd

from lungfuse.compare.scores import join_predictions
from lungfuse.compare.subsets import scores_of_some
from lungfuse.parameters import FromJSON, Question, Several
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.rows import Row
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.comparison import Sites
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import Predictions
from lungfuse.tasks import load_task


def main(
    *,
    question: Question,
    models: FromJSON[list[Row]],
    comparison: ComparisonSettings,
    seed: int,
    pairs: Path,
    predictions: Several[Path],
    sites_table: Path,
) -> None:
    """Score every model at each site.

    Sites differ in patients and in the look of their images. A model that only tells them apart scores well over
    all of them and badly at each.

    Parameters
    ----------
    question
        What the study asks of a pair.
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
    asked, table = load_task(question.task, question.labels), read_table(pairs, Pairs)
    records = []
    for row, path in zip(models, predictions, strict=True):
        joined = join_predictions(asked, table, read_table(path, Predictions), path).merge(table[["pair_id", "site"]])
        named = row.named | {"row": path.stem}
        records += [
            named | {"site": site} | scores_of_some(asked, part, comparison, seed)
            for site, part in joined.groupby("site")
        ]
    frame = pd.DataFrame(records)
    write_table(frame, sites_table, Sites)
    print(frame.to_string(index=False))

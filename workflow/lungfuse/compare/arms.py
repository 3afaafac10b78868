"""What segmentation does: each model on segmented images and on masks alone, against the same model on raw images."""

from pathlib import Path

import pandas as pd

from lungfuse.compare.compare import join_predictions
from lungfuse.compare.scores import difference_with_interval, paired_p
from lungfuse.parameters import Several
from lungfuse.settings import ComparisonSettings, Row
from lungfuse.tables import Arms, Pairs, Predictions, read_table, write_table


def main(
    *,
    models: list[Row],
    comparison: ComparisonSettings,
    seed: int,
    pairs: Path,
    predictions: Several[Path],
    arms_table: Path,
) -> None:
    """Test every row that reads other than raw images against the row that differs from it in this alone.

    Parameters
    ----------
    models
        The rows of the comparison table.
    comparison
        Confidence and number of resamples.
    seed
        Seed of the resampling.
    pairs
        Table of pairs.
    predictions
        Out-of-fold predictions, one file a row of `models`, in the same order.
    arms_table
        Output: a row a model and arm.
    """
    table = read_table(pairs, Pairs)
    right, groups = [], table["group"].to_numpy()
    for path in predictions:
        joined = join_predictions(table, read_table(path, Predictions), path)
        right.append((joined["label"] == joined["prediction"]).to_numpy())
    records = []
    for row, own in zip(models, right, strict=True):
        raw = row.model_copy(update={"images": "raw"})
        if row.images in ("", "raw") or raw not in models:
            continue
        other = right[models.index(raw)]
        against = difference_with_interval(own, other, groups, comparison.confidence, comparison.resamples, seed)
        record = {"model": row.label, "images": row.images, "text": row.text, "n": len(table)}
        record |= {"accuracy": own.mean(), "accuracy_raw": other.mean()}
        record |= dict(zip(["difference", "difference_low", "difference_high"], against, strict=True))
        records.append(record | {"p_vs_raw": paired_p(own, other, groups, comparison.resamples, seed)})
    frame = pd.DataFrame(records).round(4)
    write_table(frame, arms_table, Arms)
    print(frame.to_string(index=False))

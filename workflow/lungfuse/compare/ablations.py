"""What each part of a study is worth: rows of the comparison that differ in one thing, tested against each other."""

from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.compare.scores import difference_with_interval, paired_p
from lungfuse.settings import ComparisonSettings, Row, contrasts
from lungfuse.tables import Ablations, AnnotatedIndex, columns, read_table


def ablate(
    models: list[Row],
    joined: list[pd.DataFrame],
    settings: ComparisonSettings,
    seed: int,
    held_out: np.ndarray | None = None,
) -> pd.DataFrame:
    """The table `Ablations`, from the rows and their predictions, each in the order of the same pairs.

    Groups are resampled, and exchanged between both rows. Where segmenters have learned from images of the study,
    `held_out` of shape (pair,) is true for the pairs of patients that none has learned from; rows that read masks, and
    the raw row they stand against, are scored on these alone as well.
    """
    right = [(frame["label"] == frame["prediction"]).to_numpy() for frame in joined]
    groups = joined[0]["group"].to_numpy()
    every = np.ones(len(groups), bool)
    records = []
    for contrast in contrasts(models):
        row = models[contrast.intact]
        masked = held_out is not None and contrast.change == models[contrast.changed].images
        for name, used in {"all": every, **({"held-out": held_out} if masked else {})}.items():
            intact, changed = right[contrast.intact][used], right[contrast.changed][used]
            compared = (changed, intact, groups[used])
            record = {"model": row.label, "images": row.images, "text": row.text, "change": contrast.change}
            record |= {"pairs": name, "n": used.sum(), "accuracy": intact.mean(), "accuracy_changed": changed.mean()}
            against = difference_with_interval(*compared, settings.confidence, settings.resamples, seed)
            record |= dict(zip(["difference", "difference_low", "difference_high"], against, strict=True))
            record |= {"lost": (intact & ~changed).sum(), "gained": (changed & ~intact).sum()}
            records.append(record | {"p": paired_p(*compared, settings.resamples, seed)})
    return pd.DataFrame(records, columns=columns(Ablations)).round(4)


def held_out_pairs(pairs: pd.DataFrame, annotated_index: Path) -> np.ndarray:
    """Which pairs show test patients of the annotated X-rays, from which no segmenter has learned; bool of (pair,)."""
    index = read_table(annotated_index, AnnotatedIndex)
    return pairs["image_id"].isin(index["image_id"][index["part"] == "test"]).to_numpy()

"""What each part of a study is worth: rows of the comparison that differ in one thing, tested against each other."""

from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.compare.contrasts import contrasts
from lungfuse.compare.scores import corrected, difference_with_interval, groups_of, paired_p, right
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.rows import Row
from lungfuse.tables.base import columns, read_table
from lungfuse.tables.comparison import Ablations
from lungfuse.tables.segmentation import AnnotatedIndex


def ablate(
    names: list[str],
    models: list[Row],
    joined: list[pd.DataFrame],
    validated: list[float],
    settings: ComparisonSettings,
    seed: int,
    held_out: np.ndarray | None = None,
) -> pd.DataFrame:
    """The table `Ablations`, from the rows and their predictions, each in the order of the same pairs.

    Of several rows that a row can be held against, the best is taken by `validated`, their accuracy on validation
    pairs. Groups and trainings are resampled, and groups exchanged between both rows. Where segmenters have learned
    from images of the study, `held_out` of shape (pair,) is true for the pairs of patients that none has learned from;
    rows that read masks, and the raw row they stand against, are scored on these alone as well.
    """
    groups = groups_of(joined[0])
    every = np.ones(len(groups), bool)
    records = []
    for contrast in contrasts(models):
        row, best = models[contrast.intact], max(contrast.changed, key=validated.__getitem__)
        masked = held_out is not None and contrast.change == models[best].images
        for pairs, used in {"all": every, **({"held-out": held_out} if masked else {})}.items():
            intact, changed = (right(joined[n])[:, used] for n in [contrast.intact, best])
            often, often_changed = intact.mean(axis=0), changed.mean(axis=0)
            record = {"model": row.label, "images": row.images, "text": row.text, "change": contrast.change}
            record |= {"changed": names[best], "pairs": pairs, "n": used.sum()}
            record |= {"accuracy": intact.mean(), "accuracy_changed": changed.mean()}
            against = difference_with_interval(
                changed, intact, groups[used], settings.confidence, settings.resamples, seed
            )
            record |= dict(zip(["difference", "difference_low", "difference_high"], against, strict=True))
            record |= {"lost": (often * (1 - often_changed)).sum(), "gained": (often_changed * (1 - often)).sum()}
            records.append(record | {"p": paired_p(changed, intact, groups[used], settings.resamples, seed)})
    table = pd.DataFrame(records, columns=columns(Ablations))
    return table.assign(p_corrected=corrected(table["p"])).round(4)


def held_out_pairs(pairs: pd.DataFrame, annotated_index: Path) -> np.ndarray:
    """Which pairs show test patients of the annotated X-rays, from which no segmenter has learned; bool of (pair,)."""
    index = read_table(annotated_index, AnnotatedIndex)
    return pairs["image_id"].isin(index["image_id"][index["part"] == "test"]).to_numpy()

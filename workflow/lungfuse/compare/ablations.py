"""What each part of a study is worth: rows of the comparison that differ in one thing, tested against each other."""

from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.compare.contrasts import contrasts
from lungfuse.compare.paired import difference_with_interval, paired_p
from lungfuse.compare.scores import corrected, groups_of, primary
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.rows import Row
from lungfuse.tables.base import columns, read_table
from lungfuse.tables.comparison import Ablations
from lungfuse.tables.segmentation import AnnotatedIndex
from lungfuse.tasks import Task


def ablate(
    task: Task,
    names: list[str],
    models: list[Row],
    joined: list[pd.DataFrame],
    validated: list[float],
    settings: ComparisonSettings,
    seed: int,
    held_out: np.ndarray | None = None,
) -> pd.DataFrame:
    """The table `Ablations`, from the rows and their predictions, each in the order of the same pairs.

    Of several rows that a row can be held against, the best is taken by `validated`, their primary metric on validation
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
            intact, changed = (joined[n][np.tile(used, joined[n]["repeat"].nunique())] for n in [contrast.intact, best])
            record = row.named | {"row": names[contrast.intact], "change": contrast.change, "changed": names[best]}
            record |= {"pairs": pairs, "n": used.sum()}
            record |= {"accuracy": primary(task, intact), "accuracy_changed": primary(task, changed)}
            against = difference_with_interval(task, changed, intact, settings.confidence, settings.resamples, seed)
            record |= dict(zip(["difference", "difference_low", "difference_high"], against, strict=True))
            record |= dict(zip(["lost", "gained"], lost_and_gained(task, intact, changed), strict=True))
            records.append(record | {"p": paired_p(task, changed, intact, settings.resamples, seed)})
    table = pd.DataFrame(records, columns=columns(Ablations))
    return table.assign(p_corrected=corrected(table["p"])).round(4)


def lost_and_gained(task: Task, intact: pd.DataFrame, changed: pd.DataFrame) -> tuple[float, float]:
    """How many pairs are right only without a change, and only with it; the mean over trainings.

    A pair with several labels counts by the share of those that are known.
    """
    known = ~np.isnan(task.targets(intact)[: len(groups_of(intact))])
    share = known / np.maximum(known.sum(axis=1, keepdims=True), 1)
    before, after = (_how_often_correct(task, joined) for joined in (intact, changed))
    return float((before * (1 - after) * share).sum()), float((after * (1 - before) * share).sum())


def _how_often_correct(task: Task, joined: pd.DataFrame) -> np.ndarray:
    """The share of trainings that are right on each label of each pair, (pair, label column)."""
    correct = (task.targets(joined) == task.of("prediction", joined)).astype(float)
    return correct.reshape(joined["repeat"].nunique(), -1, correct.shape[1]).mean(axis=0)


def held_out_pairs(pairs: pd.DataFrame, annotated_index: Path) -> np.ndarray:
    """Which pairs show test patients of the annotated images, from which no segmenter has learned; bool of (pair,)."""
    index = read_table(annotated_index, AnnotatedIndex)
    return pairs["image_id"].isin(index["image_id"][index["part"] == "test"]).to_numpy()

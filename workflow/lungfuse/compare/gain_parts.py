"""Where the gain of a fusion comes from: parts of it that could be had without fusing anything."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lungfuse.compare.by_fold import by_fold, put_together
from lungfuse.compare.verdicts import Fusion, Scored
from lungfuse.statistics.gains import Gain
from lungfuse.statistics.within_folds import WithinFolds, picked_by_label
from lungfuse.tasks import Kind, Task


@dataclass(frozen=True)
class GainParts:
    """What the gain of a fusion over one of its parts is made of.

    `switching` is what a model gains that takes, label by label and fold by fold, the part that is best on the
    validation pairs, and `interaction` what the fusion gains over that model: together they are the `gain`. Without
    several labels, or by decisions, nothing is switched.
    """

    gain: Gain
    switching: Gain | None
    interaction: Gain


def parts_of_gain(scored: Scored, fusion: Fusion, part: int) -> GainParts:
    """Those of the gain over the model at the position `part`, on the trainings that both have."""
    held_against = scored.trainings[part]
    total = fusion.gains[fusion.parts.index(part)]
    if scored.metric != "auroc" or len(held_against[0].of_fold) < 2:
        return GainParts(total, None, total)
    switched = switched_by_label(scored, fusion, min(len(fusion.trainings), len(held_against)))
    return GainParts(total, scored.gain(switched, held_against), scored.gain(fusion.trainings, switched))


def switched_by_label(scored: Scored, fusion: Fusion, trainings: int) -> list[WithinFolds]:
    """For each label in each fold the part of a fusion that is best for it on the validation pairs of the fold.

    In a training only those parts are taken that were trained as often.
    """
    found = []
    for n in range(trainings):
        parts = [part for part in fusion.parts if len(scored.trainings[part]) > n]
        validated = np.stack([np.nan_to_num(scored.validated[part][n], nan=-1.0) for part in parts])
        found.append(picked_by_label([scored.trainings[part][n] for part in parts], validated.argmax(axis=0)))
    return found


@dataclass(frozen=True)
class Rethresholding:
    """How much of a gain in accuracy is a moved decision.

    `of_part` is what the part itself gains when it decides by its calibrated probability instead of its raw score,
    `raw` what the fusion gains over it where both decide by raw scores, and `calibrated` what is left of it where both
    decide by calibrated probabilities.
    """

    raw: Gain
    of_part: Gain
    calibrated: Gain


def rethresholding(
    task: Task, scored: Scored, joined: Sequence[pd.DataFrame], fusion: Fusion, part: int, metric: str = "accuracy"
) -> Rethresholding:
    """That of accuracy or balanced accuracy, over the model at the position `part`; `joined` are of all models."""

    def of_both(decided_by: Kind) -> tuple[list[WithinFolds], list[WithinFolds]]:
        models = [by_fold(task, joined[n], metric, decided_by=decided_by) for n in fusion.models]
        return put_together(models, fusion.best), by_fold(task, joined[part], metric, decided_by=decided_by)

    (raw, raw_part), (calibrated, calibrated_part) = of_both("score"), of_both("probability")
    return Rethresholding(
        scored.gain(raw, raw_part), scored.gain(calibrated_part, raw_part), scored.gain(calibrated, calibrated_part)
    )

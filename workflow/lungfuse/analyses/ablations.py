"""What each part of a study is worth: models that differ in one thing, tested against each other."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lungfuse.compare.by_fold import by_fold, groups_of
from lungfuse.compare.family import shown_as_family
from lungfuse.compare.results import Results
from lungfuse.models.contrasts import contrasts
from lungfuse.models.naming import named
from lungfuse.report.forest import LINE_OF_TWO, METRIC, forest
from lungfuse.report.style import BLACK, BLUE, GREY, sheet, short_names
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.within_folds import mean_value
from lungfuse.tables.base import columns, read_table
from lungfuse.tables.comparison import Ablations, limits, with_limits
from lungfuse.tables.segmentation import AnnotatedIndex
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Parts", "Where the gain comes from", 3
CAPTION = (
    "The value of each part: the change of the score within folds (AUROC; concordance of a number) if a model uses "
    "other images, if one input is shuffled between pairs or dropped, and if one input is used alone or omitted, by "
    "the model that is then best on the validation pairs. Everything else about the model is unchanged. If "
    "segmenters were trained on images of the study, models that read masks are also compared with the raw one on "
    "held-out patients of the segmenters. Each change has a simultaneous interval (max-T) and the numbers of pairs "
    "that are right only with it (+) and only without it (-). Grey: the interval includes zero."
)
WANTED = ["contrasts"]
READS = ["predicted", "held_out_index"]
SETTINGS = ["intervals", "study.seed"]
TABLE = Ablations


def compute(results: Results, intervals: Intervals, seed: int, held_out_index: Sequence[Path] = ()) -> pd.DataFrame:
    """The table `Ablations`, from the models and their predictions.

    Of several models that a model is compared with, the best on validation pairs is taken. Where segmenters have
    learned from images of the study, models that read masks, and the raw model they are compared with, are also scored
    on the pairs of patients that none has learned from, by the index of the annotated images.
    """
    task, names, models, joined = results.task, results.names, results.models, results.joined
    scored = results.scored
    held_out = held_out_pairs(results.pairs, held_out_index[0]) if held_out_index else None
    every = np.ones(len(groups_of(joined[0])), bool)
    records, gains = [], []
    for contrast in contrasts(models):
        model, best = models[contrast.intact], max(contrast.changed, key=scored.validated_by)
        masked = held_out is not None and contrast.change == models[best].images
        for pairs, used in {"all": every, **({"held-out": held_out} if masked else {})}.items():
            of_both = [joined[n] for n in (contrast.intact, best)]
            trainings = [by_fold(task, each, scored.metric, used) for each in of_both]
            gains.append(scored.gain(*reversed(trainings)))
            value, changed_value = map(mean_value, trainings)
            intact, changed = (each[np.tile(used, each["repeat"].nunique())] for each in of_both)
            record = named(model) | {"row": names[contrast.intact], "change": contrast.change, "changed": names[best]}
            record |= {"pairs": pairs, "n": used.sum()}
            record |= {"metric": scored.metric, "value": value, "value_changed": changed_value}
            records.append(record | dict(zip(["lost", "gained"], lost_and_gained(task, intact, changed), strict=True)))
    shown = shown_as_family(gains, scored, intervals.confidence, seed, named_as="difference")
    found = [record | each for record, each in zip(records, shown, strict=True)]
    return pd.DataFrame(found, columns=columns(Ablations)).round(4)


def lost_and_gained(task: Task, intact: pd.DataFrame, changed: pd.DataFrame) -> tuple[float, float]:
    """How many pairs are right only without a change, and only with it; the mean over trainings.

    A pair with several labels counts by the share of those that are known. NaN of numbers, which are never right.
    """
    if task.numbers:
        return float("nan"), float("nan")
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


def draw(table: pd.DataFrame, above: str) -> Figure:
    """What each change gains or loses of the AUROC, in points."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE_OF_TWO * len(table) + 0.6)
    change = limits(table, "difference") * 100
    held_out = table["pairs"].map({"all": "", "held-out": " (held-out patients)"})
    names = [
        f"{name}:\n{row.change}, {row.changed}"
        if row.change.endswith(" alone") or row.change.startswith("without ")
        else f"{name}:\n{row.change}{pairs}"
        for name, row, pairs in zip(short_names(table), table.itertuples(), held_out, strict=True)
    ]
    significant = (change["low"] > 0) | (change["high"] < 0)
    texts = [
        points if np.isnan(row.gained) else f"{points}  +{row.gained:.0f} -{row.lost:.0f}"
        for points, row in zip(with_limits(change, 1, "+"), table.itertuples(), strict=True)
    ]
    forest(axes, names, change, np.where(significant, BLUE, GREY), texts)
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set_xlabel(f"change of {METRIC[table['metric'].iloc[0]]}, points")
    return figure

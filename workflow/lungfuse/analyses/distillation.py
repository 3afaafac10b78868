"""What a student gains by its teacher, and how far it is from it."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from pandera.typing import Series

from lungfuse.compare.family import shown_as_family
from lungfuse.compare.results import Results
from lungfuse.models import model_spec
from lungfuse.models.naming import named
from lungfuse.report.forest import LINE, METRIC, forest
from lungfuse.report.style import BLUE, GREY, sheet
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.model import ModelConfig
from lungfuse.statistics.within_folds import mean_value
from lungfuse.tables.base import Table, columns
from lungfuse.tables.comparison import limits, with_limits

TITLE, SECTION, ORDER = "Distillation", "Where the gain comes from", 5
CAPTION = (
    "The gain of each student over the same network trained on the labels alone, and over its teacher, in AUROC "
    "within folds, on the same pairs. Each training pair is scored by a teacher that has seen neither it nor the "
    "test fold. Intervals are simultaneous (max-T); grey: the interval includes zero. Size is the number of "
    "parameters with all encoders, speed that of one batch of at most 32 pairs from pixels and words to scores on "
    "the machine of the training."
)
WANTED = ["learns_from_models"]
READS = ["predicted", "trained_settings"]
SETTINGS = ["intervals", "study.seed", "study.comparison.timings"]
ALONE = "same network alone"
FOLLOWS = {"name", "architecture", "settings", "parts"}  # what a student has of its own
TAKES = {"parameters": False, "ms_per_case": True, "seconds_per_epoch": True, "peak_memory_mb": True}
"""What is recorded of a training, and whether it differs from run to run."""


class Distillation(Table):
    """One row a student and what it is compared with: its teacher, or the same network alone.

    `gain` is what the `student` gains over the `row` in the `metric`, in [-1, 1]; its interval and `p_corrected` hold
    for the whole table (max-T), and are empty with too few groups. `parameters` and what follows are of the row, those
    with `student_` before them of the student: milliseconds a case, seconds an epoch, and MB of a training at most.
    """

    student: Series[str]
    row: Series[str]
    compared_with: Series[str]
    images: Series[str]
    text: Series[str]
    structured: Series[str]
    metric: Series[str]
    student_value: Series[float]
    value: Series[float]
    gain: Series[float]
    gain_low: Series[float] = pa.Field(nullable=True)
    gain_high: Series[float] = pa.Field(nullable=True)
    p: Series[float] = pa.Field(nullable=True)
    p_corrected: Series[float] = pa.Field(nullable=True)
    student_parameters: Series[float] = pa.Field(nullable=True)
    parameters: Series[float] = pa.Field(nullable=True)
    student_ms_per_case: Series[float] = pa.Field(nullable=True)
    ms_per_case: Series[float] = pa.Field(nullable=True)
    student_seconds_per_epoch: Series[float] = pa.Field(nullable=True)
    seconds_per_epoch: Series[float] = pa.Field(nullable=True)
    student_peak_memory_mb: Series[float] = pa.Field(nullable=True)
    peak_memory_mb: Series[float] = pa.Field(nullable=True)


TABLE = Distillation


def compute(
    results: Results, trained_settings: Sequence[Path], intervals: Intervals, seed: int, timings: bool
) -> pd.DataFrame:
    """The table `Distillation`, from the models, their predictions, and what was recorded of their trainings."""
    scored, took, records, gains = results.scored, recorded(trained_settings, timings), [], []
    for student, other, compared_with in students(results.models):
        gains.append(scored.gain(scored.trainings[student], scored.trainings[other]))
        values = {"student_value": student, "value": other}
        names = {"student": results.names[student], "row": results.names[other], "compared_with": compared_with}
        record = names | {key: mean_value(scored.trainings[n]) for key, n in values.items()}
        record |= named(results.models[other]) | {"metric": scored.metric}
        for before, row in {"student_": student, "": other}.items():
            record |= {f"{before}{key}": value for key, value in took[results.names[row]].items()}
        records.append(record)
    shown = shown_as_family(gains, scored, intervals.confidence, seed, named_as="gain")
    rows = [record | each for record, each in zip(records, shown, strict=True)]
    return pd.DataFrame(rows, columns=columns(Distillation)).round(6)


def students(models: Sequence[ModelConfig]) -> list[tuple[int, int, str]]:
    """The positions of each student and of what it is compared with, and what that is to it."""
    by_name, found = {model.name: n for n, model in enumerate(models)}, []
    described = [model.model_dump(exclude=FOLLOWS) for model in models]
    for n, model in enumerate(models):
        if roles := model_spec(model.architecture).roles:
            alone = [m for m, each in enumerate(described) if each == described[n] and not _learns_from(models[m])]
            found += [(n, m, ALONE) for m in alone] + [(n, by_name[model.parts[role]], role) for role in roles]
    return found


def _learns_from(model: ModelConfig) -> bool:
    return bool(model_spec(model.architecture).roles)


def recorded(trained_settings: Sequence[Path], timings: bool) -> dict[str, dict[str, float]]:
    """What the trainings of each model took, the mean of them, by the names of the model and of the figure."""
    found: dict[str, list[dict]] = {}
    for path in trained_settings:
        found.setdefault(path.parent.parent.name, []).append(json.loads(path.read_text(encoding="utf-8")))
    means = {name: pd.DataFrame(each).reindex(columns=[*TAKES]).astype(float).mean() for name, each in found.items()}
    left_out = [key for key, differs in TAKES.items() if differs and not timings]
    return {name: {**each.mask(each.index.isin(left_out))} for name, each in means.items()}


def draw(table: pd.DataFrame, above: str) -> Figure:
    """What each student gains, in points."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE * max(len(table), 1) + 0.6)
    change = limits(table, "gain") * 100
    names = [f"{row.student} over {row.row} ({row.compared_with})" for row in table.itertuples()]
    seen = (change["low"] > 0) | (change["high"] < 0)
    forest(axes, names, change, np.where(seen, BLUE, GREY), with_limits(change, 1, "+"))
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(f"gain of {METRIC[table['metric'].iloc[0]] if len(table) else 'AUROC'}, points")
    return figure

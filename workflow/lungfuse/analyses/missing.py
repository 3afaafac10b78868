"""Models on the pairs that lack an input, beside those that have everything."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from pandera.typing import Series

from lungfuse.compare.results import Results
from lungfuse.compare.subsets import lacking, scores_of_some
from lungfuse.models.naming import named
from lungfuse.report.forest import AXIS, LINE, forest
from lungfuse.report.style import BLUE, ORANGE, sheet, short_names
from lungfuse.settings.comparison import Intervals
from lungfuse.tables.base import Table, columns, with_limits_of
from lungfuse.tables.comparison import limits, with_limits
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Missing inputs", "Subgroups", 4
CAPTION = (
    "Each model on the pairs that have all its inputs (blue), and on those that lack an input (orange): a pair "
    "without an image, with nothing in the section that is read, or without any value in the structured columns "
    "that are read; of several images or texts, each is shown. Intervals are by bootstrap over groups. Pairs that "
    "lack an input may also be of different patients, so a difference is not the value of that input. "
    "Models without missing inputs are omitted."
)
WANTED = ["may_lack_inputs"]
READS = ["predicted", "structured"]
SETTINGS = ["intervals", "study.seed"]


class Missing(Table):
    """One row a model and modality that is `missing` in some pairs: its scores on these, and first on all others.

    Where `missing` is empty, the pairs have everything that the model reads. `positives` are those of class 1, empty
    where there are not two classes.
    """

    model: Series[str]
    images: Series[str]
    text: Series[str]
    structured: Series[str]
    row: Series[str]
    missing: Series[str]
    n: Series[int]
    positives: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    accuracy: Series[float] | None = with_limits_of("accuracy")
    auroc: Series[float] | None = with_limits_of("auroc")
    concordance: Series[float] | None = with_limits_of("concordance")
    r2: Series[float] | None = with_limits_of("r2")


TABLE = Missing


def compute(results: Results, intervals: Intervals, seed: int) -> pd.DataFrame:
    """The scores of each model on the pairs that lack what it reads, see `lacking`.

    Models of which every pair has everything are left out, as are those from which a modality is taken away.
    """
    records = []
    for name, model, frame in zip(results.names, results.models, results.joined, strict=True):
        lacks = lacking(model, results.pairs, results.structured)
        without = {modality: pairs for modality, pairs in lacks.items() if pairs.any()}
        if not without or model.ablation:
            continue
        for missing, pairs in {"": ~np.any(list(without.values()), axis=0), **without}.items():
            some = frame[np.tile(pairs, frame["repeat"].nunique())]
            scores = scores_of_some(results.task, some, intervals, seed) if len(some) else {"n": 0}
            records.append(named(model) | {"row": name, "missing": missing} | scores)
    scores = [name + end for name in results.task.headline for end in ["", "_low", "_high"]]
    return pd.DataFrame(records, columns=columns(Missing, scores))


def draw(table: pd.DataFrame, task: Task, above: str) -> Figure:
    """The primary metric of each model where all is there, and where a modality is not."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE * max(len(table), 1) + 0.6)
    values = limits(table, task.primary)
    what = table["missing"].map(lambda modality: f"no {modality}" if modality else "all there")
    names = [
        f"{name}: {lacks} ({n} pairs)" for name, lacks, n in zip(short_names(table), what, table["n"], strict=True)
    ]
    colours = np.where(table["missing"] == "", BLUE, ORANGE)
    forest(axes, names, values, colours, with_limits(values))
    axes.set_xlabel(AXIS[task.primary])
    if table.empty:
        axes.set_axis_off()
        axes.text(0, 0.5, "Every pair has everything that the models read.", va="center", transform=axes.transAxes)
    return figure

"""Intervals of a predicted number: how often they hold the true one, and how wide they are."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from pandera.typing import Series

from lungfuse.compare.probabilities import trainings_of
from lungfuse.compare.results import Results
from lungfuse.compare.scores import as_columns
from lungfuse.compare.shown import own_models
from lungfuse.models.naming import named
from lungfuse.report.forest import LINE, forest
from lungfuse.report.style import BLACK, BLUE, grid
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.conformal import least_probability
from lungfuse.statistics.grouped import Grouped, interval, means
from lungfuse.tables.base import Table, columns
from lungfuse.tables.comparison import limits
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Intervals of numbers", "Calibration and net benefit", 6
CAPTION = (
    "Intervals around the predicted number that are meant to hold the true one for half, four fifths and nine tenths "
    "of pairs (split-conformal by absolute residuals; Lei et al. 2018): as wide as the errors on the validation pairs "
    "of the fold, cut at the ends of the range. Coverage on test pairs, with intervals by bootstrap over groups and "
    "trainings; dotted is what is meant. The table adds the mean width, without which coverage says little. The "
    "validation pairs also chose the epoch, and pairs of a patient are not independent, so nothing is guaranteed: the "
    "table is the check."
)
WANTED = ["not classes", "reads_inputs"]
READS = ["predicted"]
SETTINGS = ["intervals", "study.seed"]
MEANT = [0.5, 0.8, 0.9]
MEASURES = ["coverage", "width"]


class NumberIntervals(Table):
    """One row a model and share of pairs that its intervals are `meant` to cover: of `n` test pairs, the share that
    they hold, and their mean width in the unit of the number."""

    row: Series[str]
    model: Series[str]
    images: Series[str]
    text: Series[str]
    structured: Series[str]
    meant: Series[float] = pa.Field(gt=0, lt=1)
    n: Series[int]
    coverage: Series[float] = pa.Field(nullable=True)
    coverage_low: Series[float] = pa.Field(nullable=True)
    coverage_high: Series[float] = pa.Field(nullable=True)
    width: Series[float] = pa.Field(nullable=True)
    width_low: Series[float] = pa.Field(nullable=True)
    width_high: Series[float] = pa.Field(nullable=True)


TABLE = NumberIntervals


def compute(results: Results, intervals: Intervals, seed: int) -> pd.DataFrame:
    """The table `NumberIntervals` from the test and the validation predictions of each model."""
    records = []
    for n in own_models(results):
        joined, validated = results.joined[n], results.validated[n]
        grouped = Grouped(joined["group"].to_numpy(), joined["repeat"].to_numpy(), intervals.resamples, seed)
        own = named(results.models[n]) | {"row": results.names[n], "n": len(joined) // joined["repeat"].nunique()}
        for meant in MEANT:
            low, high = interval_of_pairs(results.task, joined, validated, meant)
            truth = results.task.targets(joined)[:, 0]
            held = (low <= truth) & (truth <= high)
            sums = grouped.sums(np.stack([held, high - low, np.ones(len(held))], axis=1))
            values = interval(grouped.values(sums, means), intervals.confidence)
            records.append(own | {"meant": meant} | as_columns(dict(zip(MEASURES, values, strict=True)), MEASURES))
    return pd.DataFrame(records, columns=columns(NumberIntervals))


def interval_of_pairs(
    task: Task, joined: pd.DataFrame, validated: pd.DataFrame, meant: float
) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the interval of each test pair, (row,) each, in the unit of the number."""
    numbers = task.decide(task.of("score", joined))[:, 0]
    errors = np.abs(task.targets(validated) - task.decide(task.of("score", validated)))[:, 0]
    reach = np.empty(len(joined))
    for test, validation in trainings_of(joined, validated):
        reach[test] = -least_probability(-errors[validation], meant)
    least, most = task.decide(np.array([0.0, 1.0]))
    return np.clip(numbers - reach, least, most), np.clip(numbers + reach, least, most)


def draw(table: pd.DataFrame, above: str) -> Figure:
    """The coverage of each model, a panel for each share that is meant."""
    by_share = list(table.groupby("meant", sort=False))
    figure, panels = grid(above, len(by_share), 3, LINE * table["row"].nunique() + 0.5, sharey=True)
    for panel, (meant, rows) in zip(panels, by_share, strict=True):
        forest(panel, list(rows["row"]), limits(rows, "coverage"), [BLUE] * len(rows))
        panel.axvline(meant, color=BLACK, linewidth=0.9, linestyle=":")
        panel.set_title(f"{meant:.0%} meant", fontsize="small")
    figure.supxlabel("coverage", fontsize="medium")
    return figure

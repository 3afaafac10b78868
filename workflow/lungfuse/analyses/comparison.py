"""The comparison table as a figure: AUROC and accuracy of each model with intervals, and the published figures."""

from pathlib import Path

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lungfuse.report.forest import AXIS, LINE, MOST_COLUMNS, forest, legend_of_inputs
from lungfuse.report.style import BLACK, GREY, colours_of_inputs, inputs_of, row_names, sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Comparison, limits
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Models", "Results", 2
CAPTION = (
    "Each model on the same pairs, out of fold: its AUROC within folds, the mean over classes or labels and trainings, "
    "with its interval, and beside it its accuracy. A bar is the accuracy on the pairs whose own text, of the section "
    "that a model reads, is in no training fold. A diamond is a published accuracy for the same inputs; it was "
    "measured on other pairs. The dotted line is one half. Of numbers, concordance within folds and R2."
)
WANTED = []
READS = ["comparison_table"]
SETTINGS = []


def draw(comparison_table: Path, task: Task, above: str) -> Figure:
    """The table `Comparison`: the two scores of the headline with intervals, and the published figures."""
    comparison = read_table(comparison_table, Comparison)
    figure, ((ranked, others),) = sheet(above, 1, 2, LINE * len(comparison) + 0.8, sharey=True)
    kinds, by_inputs = inputs_of(comparison), colours_of_inputs()
    colours, names = [by_inputs[kind] for kind in kinds], row_names(comparison)
    for axes, metric in zip([others, ranked], task.headline, strict=True):
        forest(axes, names, limits(comparison, metric), colours)
        axes.set_xlabel(AXIS[metric])
    ranked.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    handles = legend_of_inputs(kinds) + beside_accuracies(others, comparison)
    columns = min(len(handles), MOST_COLUMNS)
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, title="reads", alignment="left")
    return figure


def beside_accuracies(axes: Axes, comparison: pd.DataFrame) -> list[Artist]:
    """Published accuracies, and those on own texts, where there are some; what the legend says of them."""
    handles, lines = [], range(len(comparison))
    published, own = comparison["published_accuracy"], comparison["accuracy_own_text"]
    if published.notna().any():
        look = {"color": BLACK, "fillstyle": "none", "markersize": 5, "label": "published"}
        handles += axes.plot(published, lines, "D", **look)
    if comparison["n_own_text"].notna().any():
        handles += axes.plot(own, lines, "|", color=BLACK, markersize=9, label="own text in no training fold")
    return handles

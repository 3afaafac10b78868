"""The comparison table as a figure: the primary metric of each model with its interval, and the published figures."""

from pathlib import Path

from matplotlib.figure import Figure

from lungfuse.report.forest import AXIS, LINE, MOST_COLUMNS, forest, legend_of_inputs
from lungfuse.report.style import BLACK, GREY, colours_of_inputs, inputs_of, row_names, sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Comparison, limits, with_limits
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Models", "Comparison", 1
CAPTION = (
    "Each model on the same pairs, out of fold and pooled, with intervals by bootstrap over groups: its accuracy or, "
    "where a pair has several labels, the mean of their AUROC. p compares the same metric with the model named beside "
    "it, by a permutation test that swaps predictions within groups, corrected for the number of tests (Holm): of the "
    "models that read a part of the same inputs it is the best on the validation pairs. A bar is that metric on the "
    "pairs whose own text, of the section that a model reads, is in no training fold. A diamond is a published figure "
    "for the same inputs; it was measured on other pairs. The dotted line is one half."
)
WANTED = []
READS = ["comparison_table"]
SETTINGS = []


def draw(comparison_table: Path, task: Task, above: str) -> Figure:
    """The table `Comparison`: the primary metric of each model with interval, and the published figures."""
    comparison = read_table(comparison_table, Comparison)
    figure, ((axes,),) = sheet(above, 1, 1, LINE * len(comparison) + 0.8)
    kinds, values, colours = inputs_of(comparison), limits(comparison, task.primary), colours_of_inputs()
    forest(axes, row_names(comparison), values, [colours[kind] for kind in kinds], with_limits(values))
    handles = legend_of_inputs(kinds)
    published = comparison["published_accuracy"]
    if published.notna().any() and task.primary == "accuracy":
        handles += axes.plot(
            published, range(len(published)), "D", color=BLACK, fillstyle="none", markersize=5, label="published"
        )
    if comparison["n_own_text"].notna().any():
        own = comparison["accuracy_own_text"]
        handles += axes.plot(own, range(len(own)), "|", color=BLACK, markersize=9, label="own text in no training fold")
    if len(task.columns("score")) == 1 or task.primary == "auroc":
        axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_xlabel(AXIS[task.primary])
    columns = min(len(handles), MOST_COLUMNS)
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, title="reads", alignment="left")
    return figure

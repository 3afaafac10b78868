"""Forest plots: values with their intervals, a line each."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from lungfuse.report.style import colours_of_inputs

LINE, LINE_OF_TWO, LEAST_LINE = 0.24, 0.4, 0.17  # inches of a line of a forest plot, its name in one line or two
MOST_COLUMNS = 4  # of a legend
METRIC = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "auroc": "AUROC"}
METRIC |= {"concordance": "concordance", "r2": "R2"}
AXIS = {name: f"{metric}, out of fold" for name, metric in METRIC.items()}


def forest(
    panel: Axes,
    names: Sequence[str],
    values: pd.DataFrame,
    colours: Sequence[str],
    texts: Sequence[str] = (),
    shift: float = 0.0,
) -> None:
    """A forest plot: a line a name, with its row of `values`, as `lungfuse.tables.comparison.limits` has it, and a text
    at the right. `shift` moves values below the middle of their lines, in lines, where several share one."""
    for line, (row, colour) in enumerate(zip(values.itertuples(), colours, strict=True)):
        reach = [[max(0, row.value - row.low)], [max(0, row.high - row.value)]]  # percentiles may leave the value out
        panel.errorbar(row.value, line + shift, xerr=reach, color=colour, fmt="o", markersize=4, capsize=2.5)
    for line, text in enumerate(texts):
        place = {"xycoords": ("axes fraction", "data"), "va": "center", "annotation_clip": False}
        panel.annotate(text, (1.02, line), fontsize="small", **place)
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="x", color="0.9", linewidth=0.6)
    panel.set_axisbelow(True)


def legend_of_inputs(kinds: Sequence[str]) -> list[plt.Line2D]:
    """A dot for each kind of inputs that there is."""
    nothing = "nothing" if any("structured" in kind for kind in kinds) else "neither"
    return [
        plt.Line2D([], [], color=colour, marker="o", linestyle="", label=kind or nothing)
        for kind, colour in colours_of_inputs().items()
        if kind in kinds
    ]

"""What the filters leave of the collection, as a flow diagram."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lungfuse.report.style import BLUE, GREY, sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Funnel

TITLE, SECTION, ORDER = "Filters", "Data", 1
CAPTION = (
    "From the collection to the cases of the study: reports on the left, images and cases on the right, with the "
    "number excluded by each filter. A case is one image of the chosen view with its report. A group of cases is never "
    "split between folds; the study's settings say what its cases share."
)
WANTED = []
READS = ["layout.candidates.funnel"]
SETTINGS = []

LEFT, RIGHT = 0.0, 1.0  # lanes
LINE = 0.46  # inches of a step
MOST_CLASSES = 7  # that a box names
FOLLOWS = " of these"  # ends the names of steps that begin with what is left of reports
CASES, RESULT = "pairs", " of pairs"


class Step(NamedTuple):
    """A box: its lane, from which other box it follows in its lane or across, what it says, and how many it counts."""

    lane: float
    text: str
    count: int
    before: int | None
    across: int | None


def draw(funnel: Path, above: str) -> Figure:
    """The steps of the table `Funnel` from top to bottom."""
    steps = list(steps_of(read_table(funnel, Funnel)))
    figure, ((axes,),) = sheet(above, 1, 1, LINE * (len(steps) + 0.3))
    axes.set(xlim=(-0.45, 1.75), ylim=(len(steps) - 0.1, -0.6))
    axes.set_axis_off()
    for place, step in enumerate(steps):
        box = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": BLUE, "linewidth": 0.9}
        axes.text(step.lane, place - 0.2, step.text, ha="center", va="top", fontsize="small", bbox=box)
        if step.before is not None:
            draw_arrow(axes, (step.lane, step.before), (step.lane, place))
            draw_left_out(axes, steps[step.before].count - step.count, step.lane, place)
        if step.across is not None:
            draw_arrow(axes, (steps[step.across].lane, step.across), (step.lane, place))
    return figure


def steps_of(funnel: pd.DataFrame) -> Iterator[Step]:
    """The boxes of a funnel; a step that counts one class alone is left to the counts of the box that has all."""
    classes = list(funnel.columns.drop(["step", "count"]))
    funnel = funnel.assign(**{name: pd.to_numeric(funnel[name]).astype("Int64") for name in classes})
    result = funnel["step"].str.endswith(RESULT)
    last: dict[float, int] = {}
    for place, row in funnel[~result & ~of_one_class(funnel[classes])].reset_index(drop=True).iterrows():
        name, text = row["step"], f"{row['step']}: {row['count']:,}"
        lane = LEFT if "reports" in (name.split()[0], name.split()[-1]) else RIGHT
        across = last.get(LEFT) if name.endswith(FOLLOWS) or lane not in last else None
        if name == CASES:
            text = "\n".join([f"cases: {row['count']:,}", *counts_in_words(row[classes]), *results(funnel[result])])
        yield Step(lane, text, int(row["count"]), last.get(lane), across)
        last[lane] = place


def counts_in_words(counts: pd.Series) -> list[str]:
    """A line with the cases of each class, where they are few."""
    if not 0 < len(counts) <= MOST_CLASSES or counts.isna().any():
        return []
    return [", ".join(f"{count:,} {name}" for name, count in counts.items())]


def results(funnel: pd.DataFrame) -> list[str]:
    """A line with what the cases are of: reports, groups."""
    counts = zip(funnel["count"], funnel["step"].str.removesuffix(RESULT), strict=True)
    return ["of " + ", ".join(f"{count:,} {name}" for count, name in counts)] if len(funnel) else []


def of_one_class(counts: pd.DataFrame) -> pd.Series:
    """Which steps count the cases of one of two classes alone."""
    if counts.shape[1] != 2:
        return pd.Series(False, index=counts.index)
    return (counts == 0).any(axis=1).fillna(False).astype(bool)


def draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """An arrow from one box to another, down or across."""
    look = {"arrowstyle": "-|>", "color": GREY, "linewidth": 0.9, "shrinkA": 11, "shrinkB": 11}
    if start[0] != end[0]:
        look |= {"connectionstyle": "angle,angleA=0,angleB=90,rad=3", "shrinkA": 40}
    axes.annotate("", end, start, arrowprops=look, zorder=0)


def draw_left_out(axes: Axes, number: int, lane: float, place: int) -> None:
    """How many a filter leaves out, beside the arrow that leads to its box."""
    if number > 0:
        axes.text(lane + 0.03, place - 0.5, f"\N{MINUS SIGN} {number:,}", fontsize="x-small", color=GREY, va="center")

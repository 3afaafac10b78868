"""What the filters leave of the collection."""

from pathlib import Path

from matplotlib.figure import Figure

from lungfuse.report.style import BLUE, sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Funnel

TITLE, SECTION, ORDER = "Filters", "Data", 1
CAPTION = (
    "What is left of the collection after each filter of the study. The headings of a report or a column give its "
    "class or label; a pair is one image of the chosen view with its report. Pairs that share a patient or the same "
    "text form a group, which is never split between folds."
)
WANTED = []
READS = ["layout.candidates.funnel"]
SETTINGS = []


def draw(funnel: Path, above: str) -> Figure:
    """A bar a step of the table `Funnel`, from top to bottom."""
    steps = read_table(funnel, Funnel)
    figure, ((axes,),) = sheet(above, 1, 1, 0.28 * len(steps) + 0.3)
    bars = axes.barh(steps["step"], steps["count"], color=BLUE)
    axes.bar_label(bars, labels=[f"{count:,}" for count in steps["count"]], padding=3)
    axes.invert_yaxis()
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return figure

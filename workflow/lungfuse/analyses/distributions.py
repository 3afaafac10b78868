"""How classes and the lengths of texts are distributed."""

from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lungfuse.report.data import of_classes
from lungfuse.report.style import BLUE, COLOURS, LEAST_FONT, grid
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs, sections_of
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Classes and lengths", "Data", 3
CAPTION = (
    "Pairs of each class by fold (and by site, where there are several), and the number of words in each section of "
    "the report. If a pair may have several labels, the first panel counts the pairs with each, and those where it "
    "is unknown; the others count all pairs. If the texts of classes differ in length, length alone predicts the "
    "class."
)
WANTED = []
READS = ["layout.split.pairs"]
SETTINGS = []
OF_CASES = True
BARS, COLUMNS, MOST_IN_LINE = 20, 3, 4
MOST_LINES = 3  # classes whose lines can be distinguished in one panel
LIGHT = "0.8"
LINE = 0.16  # inches of a line of labels


def draw(pairs: Path, task: Task, above: str) -> Figure:
    """The table `Pairs`; see `draw_pairs`."""
    return draw_pairs(read_table(pairs, Pairs), task, above)


def draw_pairs(pairs: pd.DataFrame, task: Task, above: str) -> Figure:
    """Pairs of each class by fold, by site where there are several, and by the number of words of each section.

    Where a pair has several labels, how many pairs have each of them, and all pairs together.
    """
    task, pairs = task.in_classes(pairs)
    sections = [section for section in sections_of(pairs) if (pairs[section] != "").any()]
    kinds = [kind for kind in ["fold", "site"] if pairs[kind].nunique() > 1]
    several = len(task.columns("label")) > 1
    classes = (
        {"pairs": np.ones(len(pairs), bool)}
        if several
        else dict(zip(task.labels, of_classes(task, pairs).T, strict=True))
    )
    colours = dict(zip(classes, cycle(COLOURS)))
    height = max(1.8, LINE * len(task.labels)) if several else 1.8
    figure, panels = grid(above, several + len(kinds) + len(sections), COLUMNS, height)
    if several:
        _draw_labels(panels[0], pairs, task)
    of_kinds, of_sections = panels[several : several + len(kinds)], panels[several + len(kinds) :]
    for panel, kind in zip(of_kinds, kinds, strict=True):
        names = pairs[kind].astype(str)
        shown = pd.Index(sorted(names.unique()))
        below = np.zeros(len(shown), int)
        for name, of_class in classes.items():
            counts = names[of_class].value_counts().reindex(shown, fill_value=0).to_numpy()
            panel.bar(shown, counts, 0.7, bottom=below, color=colours[name], label=name)
            below = below + counts
        panel.set_xlabel({"fold": "fold", "site": "site"}[kind])
    for panel, section in zip(of_sections, sections, strict=True):
        words = pairs[section].str.split().str.len()
        bins = np.arange(-0.5, words.max() + 1, max(1, words.max() // BARS))
        if len(classes) <= MOST_LINES:
            for name, of_class in classes.items():
                panel.hist(words[of_class], bins, histtype="step", color=colours[name], linewidth=1.3)
        else:
            _draw_boxes(panel, [words[of_class] for of_class in classes.values()], list(colours.values()))
        panel.set_title(section)
        panel.set_xlabel(f"words ({(words == 0).sum()} empty)")
        panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    for place, panel in enumerate(panels[::COLUMNS]):
        if place or not several:
            panel.set_ylabel("pairs" if place == 0 or len(classes) <= MOST_LINES else "class")
    if not several and kinds:
        shown = min(len(classes), MOST_IN_LINE)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=shown)
    return figure


def _draw_boxes(panel: Axes, values: list[pd.Series], colours: list[str]) -> None:
    """A box a class, from top to bottom: quartiles, and whiskers to the least and the most."""
    boxes = panel.boxplot(values, orientation="horizontal", whis=(0, 100), patch_artist=True, widths=0.6)
    for box, median, colour in zip(boxes["boxes"], boxes["medians"], colours, strict=True):
        box.set_facecolor(colour)
        median.set_color("white")
    panel.invert_yaxis()
    panel.set_yticks([])


def _draw_labels(panel: Axes, pairs: pd.DataFrame, task: Task) -> None:
    """How many pairs have each label, and of how many that is not known."""
    targets = task.targets(pairs)
    positive, unknown = (targets == 1).sum(axis=0), np.isnan(targets).sum(axis=0)
    panel.barh(task.labels, positive, color=BLUE, label="positive")
    panel.barh(task.labels, unknown, left=positive, color=LIGHT, label="unknown")
    panel.invert_yaxis()
    panel.tick_params(axis="y", length=0, labelsize=LEAST_FONT)
    panel.set_xlabel("positive pairs; grey: unknown" if unknown.any() else "positive pairs")

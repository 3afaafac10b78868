"""Figures of the pairs: what the filters leave, and how classes and lengths of texts are distributed."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lungfuse.report.style import BLUE, ORANGE, grid, sheet
from lungfuse.tables.ingest import SECTIONS

CLASS_COLOURS = [BLUE, ORANGE]
BARS, COLUMNS = 20, 3


def draw_funnel(funnel: pd.DataFrame, above: str) -> Figure:
    """A bar a step of the table `Funnel`, from top to bottom."""
    figure, ((axes,),) = sheet(above, 1, 1, 0.28 * len(funnel) + 0.3)
    bars = axes.barh(funnel["step"], funnel["count"], color=BLUE)
    axes.bar_label(bars, labels=[f"{count:,}" for count in funnel["count"]], padding=3)
    axes.invert_yaxis()
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return figure


def draw_distributions(pairs: pd.DataFrame, labels: list[str], above: str) -> Figure:
    """Pairs of each class by fold, by hospital where there are several, and by the number of words of each section."""
    sections = [section for section in SECTIONS if (pairs[section] != "").any()]
    kinds = [kind for kind in ["fold", "site"] if pairs[kind].nunique() > 1]
    figure, panels = grid(above, len(kinds) + len(sections), COLUMNS, 1.8)
    for panel, kind in zip(panels, kinds, strict=False):
        counts = pd.crosstab(pairs[kind].astype(str), pairs["label"])
        for label, colour in enumerate(CLASS_COLOURS):
            panel.bar(counts.index, counts[label], 0.7, bottom=counts[0] * label, color=colour, label=labels[label])
        panel.set_xlabel({"fold": "fold", "site": "hospital"}[kind])
    for panel, section in zip(panels[len(kinds) :], sections, strict=True):
        words = pairs[section].str.split().str.len()
        bins = np.arange(-0.5, words.max() + 1, max(1, words.max() // BARS))
        for label, colour in enumerate(CLASS_COLOURS):
            panel.hist(words[pairs["label"] == label], bins, histtype="step", color=colour, linewidth=1.3)
        panel.set_title(section)
        panel.set_xlabel(f"words ({(words == 0).sum()} empty)")
        panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    for panel in panels[::COLUMNS]:
        panel.set_ylabel("pairs")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure

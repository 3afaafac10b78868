"""The one look of all figures: readable in print and to the colour-blind, the same bytes on every run."""

from functools import cache
from itertools import combinations, cycle
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lungfuse.files import atomic_write
from lungfuse.modalities import load_modality, modality_names
from lungfuse.settings.model import SHORTHANDS
from lungfuse.words import joined

matplotlib.use("svg")
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": "small",
    "svg.hashsalt": "lungfuse",
    "svg.fonttype": "none",
    "text.parse_math": False,  # a $ in the name of a site is a dollar
}
# from the palette of Okabe and Ito
BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000",
)  # fmt: skip
GREY = "#777777"
COLOURS = [BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW, BLACK]
COLOURS_OF_PAIRS = [GREEN, SKY, YELLOW]
MOST_COLUMNS_NAMED = 3
WIDTH = 6.5  # inches between the margins of a page
LEAST_FONT = "x-small"
plt.rcParams.update(STYLE)


def heading(title: str, notice: str) -> str:
    """What stands above a figure of the study `title`."""
    return f"{title} ({notice})" if notice else title


def sheet(above: str, lines: int, columns: int, height: float, **options) -> tuple[Figure, np.ndarray]:
    """A figure of the width of a page with panels, (line, column); `height` is that of a line, in inches."""
    figure, panels = plt.subplots(
        lines, columns, figsize=(WIDTH, lines * height + 0.5), layout="constrained", squeeze=False, **options
    )
    figure.suptitle(above, x=0.01, ha="left", fontsize="small", color=GREY)
    return figure, panels


def grid(above: str, number: int, columns: int, height: float, **options) -> tuple[Figure, list[Axes]]:
    """A figure with as many panels as asked for, `columns` in a line; see `sheet`."""
    columns = min(number, columns)
    figure, panels = sheet(above, -(-number // columns), columns, height, **options)
    for panel in panels.flat[number:]:
        panel.set_visible(False)
    return figure, list(panels.flat[:number])


def row_names(table: pd.DataFrame) -> list[str]:
    """The rows of a table by model and inputs, or by their own names where these are the same for two of them."""
    parts = table[["model", "images", "text"]].assign(structured=table["structured"].map(_columns_in_words))
    names = [", ".join(part for part in row if part) for row in parts.itertuples(index=False)]
    rows_of_name = table["row"].groupby(names).nunique()
    return [row if rows_of_name[name] > 1 else name for name, row in zip(names, table["row"], strict=True)]


def short_names(table: pd.DataFrame) -> list[str]:
    """The names of rows where more than that is said of each: of a study with structured columns, their own names."""
    return list(table["row"]) if (table["structured"] != "").any() else row_names(table)


def _columns_in_words(columns: str) -> str:
    """Structured columns by their names, or their number where they are many."""
    count = len(columns.split())
    return f"{count} columns" if count > MOST_COLUMNS_NAMED else columns.replace(" ", "+")


def inputs_of(table: pd.DataFrame) -> list[str]:
    """What the rows of a table read: image, text, image and text, ..., or nothing."""
    read = (table[list(SHORTHANDS)] != "").to_numpy()
    modalities = np.array(list(SHORTHANDS.values()))
    return [joined([name for name in modality_names() if name in modalities[row]]) for row in read]


@cache
def colours_of_inputs() -> dict[str, str]:
    """The colours of what rows read, in the order of legends: nothing, each modality, two of them, and more."""
    names = modality_names()
    colours = {"": GREY} | {name: load_modality(name).COLOUR for name in names}
    colours |= dict(zip(map(joined, combinations(names, 2)), cycle(COLOURS_OF_PAIRS)))
    more = [each for count in range(3, len(names) + 1) for each in combinations(names, count)]
    return colours | dict.fromkeys(map(joined, more), BLACK)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG and close it."""
    with atomic_write(path) as stream:
        figure.savefig(stream, format="svg", metadata={"Date": None})
    plt.close(figure)

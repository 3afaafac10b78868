"""The one look of all figures: readable in print and to the colour-blind, the same bytes on every run."""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lungfuse.files import whole_file

matplotlib.use("svg")
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "lungfuse",
    "svg.fonttype": "none",
}
BLUE, ORANGE = "#0072B2", "#D55E00"  # from the palette of Okabe and Ito
plt.rcParams.update(STYLE)


def heading(title: str, notice: str) -> str:
    """What stands above a figure of the study `title`."""
    return f"{title} ({notice})" if notice else title


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG and close it."""
    with whole_file(path) as stream:
        figure.savefig(stream, format="svg", metadata={"Date": None})
    plt.close(figure)

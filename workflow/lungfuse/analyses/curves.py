"""Training curves: losses and scores of every epoch, a line a fold."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lungfuse.report.style import BLUE, ORANGE, grid

TITLE, SECTION, ORDER = "Training curves", "Training", 1
CAPTION = (
    "Cross-entropy of each epoch on the training pairs and on the validation part of the training folds: a thin line "
    "per fold, a thick one for their mean. A dot is the selected epoch. The training loss is measured with "
    "augmentation, dropout and smoothed labels, so it may lie above the validation loss."
)
WANTED = ["trains"]
READS = ["histories"]
SETTINGS = []
LINES = {"train_loss": (BLUE, "training"), "validation_loss": (ORANGE, "validation")}


def read_histories(paths: list[Path]) -> pd.DataFrame:
    """All records with the columns `row` and `fold`, in the order of `paths`."""
    records = [pd.read_csv(path).assign(row=path.parent.parent.name, fold=path.parent.name) for path in paths]
    return pd.concat(records, ignore_index=True)


def draw(histories: list[Path], above: str) -> Figure:
    """A panel a row: thin lines are folds, thick ones their mean as long as all of them learn, a dot is the epoch whose
    weights were kept."""
    records = read_histories(histories)
    rows = records["row"].unique()
    figure, panels = grid(above, len(rows), 3, 1.7, sharey=True)
    for panel, row in zip(panels, rows, strict=True):
        history = records[records["row"] == row]
        for column, (colour, _) in LINES.items():
            for _, fold in history.groupby("fold"):
                panel.plot(fold["epoch"] + 1, fold[column], color=colour, linewidth=0.5, alpha=0.5)
            epochs = history.groupby("epoch")[column]
            mean = epochs.mean()[epochs.size() == history["fold"].nunique()]
            panel.plot(mean.index + 1, mean, color=colour, linewidth=1.5)
        kept = history.loc[history.groupby("fold")["validation_loss"].idxmin()]
        panel.plot(kept["epoch"] + 1, kept["validation_loss"], ".", color=ORANGE)
        panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        panel.set_title(row)
    figure.supxlabel("epoch", fontsize="medium")
    figure.supylabel("cross-entropy", fontsize="medium")
    handles = [plt.Line2D([], [], color=colour, label=label) for colour, label in LINES.values()]
    handles.append(plt.Line2D([], [], color=ORANGE, marker=".", linestyle="", label="kept"))
    figure.legend(handles=handles, loc="outside upper right", ncols=3)
    return figure

"""Training curves: losses and scores of every epoch, a line a fold."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lungfuse.compare.style import BLUE, ORANGE, heading, save
from lungfuse.parameters import Several

COLUMNS = 3
LINES = {"train_loss": (BLUE, "training"), "validation_loss": (ORANGE, "validation")}


def main(*, title: str, notice: str, histories: Several[Path], curves_figure: Path) -> None:
    """Draw the training curves of a study.

    Parameters
    ----------
    title
        Name of the study.
    notice
        What every figure of the study has to say.
    histories
        Records of the trainings: history.csv of results/<study>/models/<row>/fold<k>/.
    curves_figure
        Output: losses by epoch, a panel a row of the comparison table, SVG.
    """
    save(draw_curves(read_histories(histories), heading(title, notice)), curves_figure)


def read_histories(paths: list[Path]) -> pd.DataFrame:
    """All records with the columns `row` and `fold`, in the order of `paths`."""
    records = [pd.read_csv(path).assign(row=path.parent.parent.name, fold=path.parent.name) for path in paths]
    return pd.concat(records, ignore_index=True)


def draw_curves(histories: pd.DataFrame, above: str) -> Figure:
    """A panel a row: thin lines are folds, thick ones their mean as long as all of them learn, a dot is the epoch whose
    weights were kept."""
    rows = histories["row"].unique()
    height = -(-len(rows) // COLUMNS)
    figure, axes = plt.subplots(
        height, COLUMNS, figsize=(6.5, 1.7 * height + 0.6), layout="constrained", squeeze=False, sharey=True
    )
    for panel in axes.flat[len(rows) :]:
        panel.set_visible(False)
    for panel, row in zip(axes.flat, rows, strict=False):
        history = histories[histories["row"] == row]
        for column, (colour, _) in LINES.items():
            for _, fold in history.groupby("fold"):
                panel.plot(fold["epoch"] + 1, fold[column], color=colour, linewidth=0.5, alpha=0.5)
            epochs = history.groupby("epoch")[column]
            mean = epochs.mean()[epochs.size() == history["fold"].nunique()]
            panel.plot(mean.index + 1, mean, color=colour, linewidth=1.5)
        kept = history.loc[history.groupby("fold")["validation_loss"].idxmin()]
        panel.plot(kept["epoch"] + 1, kept["validation_loss"], ".", color=ORANGE)
        panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        panel.set_title(row, fontsize="medium", loc="left")
    figure.supxlabel("epoch", fontsize="medium")
    figure.supylabel("cross-entropy", fontsize="medium")
    figure.suptitle(above, x=0.01, ha="left", fontsize="large")
    handles = [plt.Line2D([], [], color=colour, label=label) for colour, label in LINES.values()]
    handles.append(plt.Line2D([], [], color=ORANGE, marker=".", linestyle="", label="kept"))
    figure.legend(handles=handles, loc="outside upper right", ncols=3, frameon=False)
    return figure

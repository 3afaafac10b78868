"""How each model errs: ROC and calibration curves, and confusion matrices, from its out-of-fold predictions."""

from dataclasses import dataclass
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, confusion_matrix, roc_auc_score, roc_curve

from lungfuse.report.style import GREY, LEAST_FONT, LINES, WIDTH, colours_of_inputs, grid, sheet

BINS = 10
COLUMNS_OF_CLASSES = {4: 4, 7: 3, 12: 2, np.inf: 1}  # matrices in a line, by the most classes
NARROW = 26  # letters of a name beside the curves


@dataclass(frozen=True)
class Scored:
    """A row of the comparison by its name, what it reads, and its table `Predictions`."""

    name: str
    inputs: str
    predictions: pd.DataFrame


def draw_roc_calibration(rows: list[Scored], above: str) -> Figure:
    """Receiver operating characteristics and calibration, a line for each kind of inputs.

    Beside them stand each row's AUROC and Brier score. Calibration is the share of positives in tenths of the pairs by
    score.
    """
    kinds = [kind for kind in colours_of_inputs() if kind and any(row.inputs == kind for row in rows)]
    figure, panels = sheet(above, len(kinds), 3, 2.2, width_ratios=[1, 1, 0.9])
    for (roc, calibration, names), kind in zip(panels, kinds, strict=True):
        drawn = [row for row in rows if row.inputs == kind]
        for row, (colour, dash) in zip(drawn, cycle(LINES)):
            labels, scores = row.predictions["label"], row.predictions["score"]
            look = {"color": colour, "linestyle": dash, "linewidth": 1.1}
            false_positives, true_positives, _ = roc_curve(labels, scores)
            roc.plot(false_positives, true_positives, **look)
            positives, mean_scores = calibration_curve(labels, scores, n_bins=BINS, strategy="quantile")
            calibration.plot(mean_scores, positives, marker=".", **look)
            name = row.name.replace(", ", "\n", 1) if len(row.name) > NARROW else row.name
            values = f"{roc_auc_score(labels, scores):.3f}, {brier_score_loss(labels, scores):.3f}"
            names.plot([], [], label=f"{name}: {values}", **look)
        _unit_square(roc, f"{kind}: ROC", "1 - specificity", "sensitivity")
        _unit_square(calibration, f"{kind}: calibration", "mean score", "share of positives")
        names.set_axis_off()
        names.legend(loc="upper left", bbox_to_anchor=(-0.15, 1.05), fontsize=LEAST_FONT, title="AUROC, Brier score")
    return figure


def _unit_square(panel: Axes, title: str, x: str, y: str) -> None:
    panel.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], xlabel=x, ylabel=y)
    panel.set_title(title)


def draw_confusion(rows: list[Scored], labels: list[str], above: str) -> Figure:
    """Confusion matrices of all rows: pairs by class (down) and prediction (across), shaded by share of the class."""
    classes = range(len(labels))
    columns = next(columns for most, columns in COLUMNS_OF_CLASSES.items() if len(labels) <= most)
    height = 1.65 if columns == 4 else WIDTH / columns
    figure, panels = grid(above, len(rows), columns, height, sharex=True, sharey=True)
    font = {"fontsize": LEAST_FONT} if len(labels) > 4 else {}
    down, across = ({"rotation": 90, "va": "center"}, {}) if len(labels) == 2 else ({}, {"rotation": 90})
    for panel, row in zip(panels, rows, strict=True):
        counts = confusion_matrix(row.predictions["label"], row.predictions["prediction"], labels=list(classes))
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (line, column), count in np.ndenumerate(counts):
            white = shares[line, column] > 0.6
            panel.text(column, line, count, ha="center", va="center", color="white" if white else "black", **font)
        panel.set_title("\n".join(row.name.split(", ", 1)), fontsize=LEAST_FONT)
        panel.set_xticks(classes, labels, fontsize=LEAST_FONT, **across)
        panel.set_yticks(classes, labels, fontsize=LEAST_FONT, **down)
        panel.tick_params(length=0)
        panel.spines[:].set_visible(False)
    figure.supxlabel("predicted", fontsize="medium")
    figure.supylabel("class", fontsize="medium")
    return figure

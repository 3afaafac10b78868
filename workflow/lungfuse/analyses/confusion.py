"""Confusion matrices of each model, from its out-of-fold predictions."""

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from lungfuse.compare.results import Results
from lungfuse.report.scored import Scored, scored_models
from lungfuse.report.style import LEAST_FONT, WIDTH, grid
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Confusion matrices", "Errors", 2
CAPTION = (
    "Pairs by class (down) and prediction (across) at a threshold of one half or, of more than two classes, by the "
    "highest score, out of fold and pooled, shaded by share of the class."
)
WANTED = ["exclusive"]
READS = ["predicted"]
SETTINGS = []
OF_CASES = True
COLUMNS_OF_CLASSES = {4: 4, 7: 3, 12: 2, np.inf: 1}  # matrices in a line, by the most classes


def draw(results: Results, task: Task, above: str) -> Figure:
    """The matrices of all models; see `draw_matrices`."""
    return draw_matrices(scored_models(results), task.labels, above)


def draw_matrices(rows: list[Scored], labels: list[str], above: str) -> Figure:
    """Confusion matrices of all models: pairs by class (down) and prediction (across), shaded by share of the class."""
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

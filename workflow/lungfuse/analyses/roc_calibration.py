"""ROC and calibration curves of each model, from its out-of-fold predictions."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from lungfuse.compare.results import Results
from lungfuse.report.scored import Scored, scored_models
from lungfuse.report.style import GREY, LEAST_FONT, colours_of_inputs, sheet

TITLE, SECTION, ORDER = "ROC and calibration curves", "Errors", 1
CAPTION = (
    "Two panels per model. Left, its ROC curve: sensitivity against the share of negative cases called positive, as "
    "the threshold falls; the dotted diagonal is guessing, and the model with the largest area is grey. Right, how "
    "often cases of a given score are positive, for ten parts of equal number by score; on the diagonal a score is "
    "a probability. The numbers are the area under the ROC curve and the Brier score, the mean square of the "
    "difference between score and class: 0 is best, .25 is what a constant one half gets. Scores are shown before "
    "calibration; that of a support vector machine is its distance from the plane through the logistic function."
)
WANTED = ["two_classes", "reads_inputs"]
READS = ["predicted"]
SETTINGS = []
BINS = 10
IN_A_LINE = 3  # models
LIGHT = "0.75"
POINTS = 200  # at most, of a curve


def draw(results: Results, above: str) -> Figure:
    """The curves of all models; see `draw_curves`."""
    return draw_curves(scored_models(results), above)


def draw_curves(rows: list[Scored], above: str) -> Figure:
    """The receiver operating characteristic of each model that reads something, and its calibration beside it.

    Calibration is the share of positives in tenths of the pairs by score.
    """
    colours = colours_of_inputs()
    rows = [row for row in rows if row.inputs]
    lines = -(-len(rows) // IN_A_LINE)
    figure, panels = sheet(above, lines, 2 * IN_A_LINE, 1.3, sharex=True, sharey=True)
    curves = [thinned(*roc_curve(row.predictions["label"], row.predictions["score"])[:2]) for row in rows]
    areas = [roc_auc_score(row.predictions["label"], row.predictions["score"]) for row in rows]
    best = curves[int(np.argmax(areas))]
    for panel in panels.flat[2 * len(rows) :]:
        panel.set_axis_off()
    for (roc, calibration), row, curve, area in zip(panels.reshape(-1, 2), rows, curves, areas, strict=False):
        labels, scores = row.predictions["label"], row.predictions["score"]
        roc.plot(*best, color=LIGHT, linewidth=1)
        roc.plot(*curve, color=colours[row.inputs], linewidth=1.3)
        positives, mean_scores = calibration_curve(labels, scores, n_bins=BINS, strategy="quantile")
        calibration.plot(mean_scores, positives, marker=".", markersize=4, color=colours[row.inputs], linewidth=1)
        roc.set_title(row.name.replace(", ", "\n", 1), fontsize=LEAST_FONT)
        _unit_square(roc, f"{area:.3f}")
        _unit_square(calibration, f"{brier_score_loss(labels, scores):.3f}")
    figure.supxlabel("1 - specificity, mean score", fontsize="small")
    figure.supylabel("sensitivity, share of positives", fontsize="small")
    return figure


def thinned(false_positives: np.ndarray, true_positives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A curve of at most so many points."""
    kept = np.unique(np.linspace(0, len(false_positives) - 1, POINTS).round().astype(int))
    return false_positives[kept], true_positives[kept]


def _unit_square(panel: Axes, number: str) -> None:
    panel.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    panel.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 1], yticks=[0, 1])
    panel.tick_params(labelsize=LEAST_FONT)
    panel.text(0.97, 0.06, number, ha="right", fontsize=LEAST_FONT)

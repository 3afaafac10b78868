"""ROC and calibration curves of each model, from its out-of-fold predictions."""

from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from lungfuse.compare.results import Results
from lungfuse.report.scored import Scored, scored_models
from lungfuse.report.style import GREY, LEAST_FONT, LINES, colours_of_inputs, sheet

TITLE, SECTION, ORDER = "ROC and calibration curves", "Errors", 1
CAPTION = (
    "Left, sensitivity against the share of negative pairs called positive, as the threshold falls; the dotted "
    "diagonal is what guessing gets. Right, how often pairs of a given score are positive, for ten parts of equal "
    "number by score; on the diagonal a score is a probability. Behind each name are the area under its ROC curve and "
    "its Brier score, the mean square of the difference between score and class: 0 is best, .25 is what a constant one "
    "half gets. Scores are shown as they are, before calibration; that of a support vector machine is its distance "
    "from the plane through the logistic function."
)
WANTED = ["two_classes", "reads_inputs"]
READS = ["predicted"]
SETTINGS = []
BINS = 10
NARROW = 26  # letters of a name beside the curves


def draw(results: Results, above: str) -> Figure:
    """The curves of all models; see `draw_curves`."""
    return draw_curves(scored_models(results), above)


def draw_curves(rows: list[Scored], above: str) -> Figure:
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

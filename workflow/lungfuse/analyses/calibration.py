"""How well the probabilities of models are probabilities."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandera.typing import Series

from lungfuse.calibration import LIMIT
from lungfuse.compare.calibration_curve import LabelRows
from lungfuse.compare.probabilities import calibrated_labels
from lungfuse.compare.results import Results
from lungfuse.compare.scores import as_columns
from lungfuse.compare.shown import shown_models
from lungfuse.models.naming import named
from lungfuse.report.style import BLUE, GREY, grid
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.grouped import Grouped, interval, means
from lungfuse.tables.base import Table
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Calibration", "Calibration and net benefit", 1
CAPTION = (
    "Calibration of each model's probabilities, out of fold: the share of pairs with the label by predicted "
    "probability (line), with a band by bootstrap over groups and trainings, and the distribution of the "
    "probabilities (bars). On the dotted diagonal the probabilities are right. The curve is a logistic regression "
    "on the log odds with a restricted cubic spline of four knots, or a straight line with fewer than 40 pairs of "
    "either class; below 200 of either it is rough (Van Calster et al. 2019). In the table, the slope is 1 for "
    "calibrated probabilities and below 1 for probabilities that are too extreme; the intercept (at a slope of 1) "
    "is above 0, and observed/expected above 1, where they are too low. Log loss and Brier score are lowest for "
    "accurate and well-calibrated probabilities; brier_score and slope_score are those of the raw scores. With more "
    "than two classes each is compared with the rest, and the figure shows the fusions and their best parts."
)
WANTED = ["classes", "reads_inputs"]
READS = ["predicted"]
SETTINGS = ["intervals", "study.seed"]
BINS = 20
HEIGHT = 0.15  # of the highest bar
MOST_PANELS = 32


class Calibration(Table):
    """One row a model and label: how well the probabilities of the `n` pairs where it is known are probabilities.

    Of them `positives` have it. `slope` is that of a logistic regression of the labels on the log odds, `intercept` its
    intercept where the slope is held at 1, `observed_expected` the number of positives over the sum of probabilities.
    `brier_score` and `slope_score` are of the scores before calibration. What is not defined is empty, as the slope of
    a model that gives all pairs of a fold the same probability. Where there are more than two classes or several
    labels, a first row without a `label` has the log loss and the Brier score over all of them: of classes that exclude
    each other the log loss of the right one and the sum of squares over the classes, else means over the labels.
    """

    row: Series[str]
    model: Series[str]
    images: Series[str]
    text: Series[str]
    structured: Series[str]
    label: Series[str]
    n: Series[int]
    positives: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    slope: Series[float] = pa.Field(nullable=True)
    slope_low: Series[float] = pa.Field(nullable=True)
    slope_high: Series[float] = pa.Field(nullable=True)
    intercept: Series[float] = pa.Field(nullable=True)
    intercept_low: Series[float] = pa.Field(nullable=True)
    intercept_high: Series[float] = pa.Field(nullable=True)
    observed_expected: Series[float] = pa.Field(nullable=True)
    observed_expected_low: Series[float] = pa.Field(nullable=True)
    observed_expected_high: Series[float] = pa.Field(nullable=True)
    log_loss: Series[float]
    log_loss_low: Series[float] = pa.Field(nullable=True)
    log_loss_high: Series[float] = pa.Field(nullable=True)
    brier: Series[float]
    brier_low: Series[float] = pa.Field(nullable=True)
    brier_high: Series[float] = pa.Field(nullable=True)
    slope_score: Series[float] = pa.Field(nullable=True)
    brier_score: Series[float]


TABLE = Calibration
MEASURES = ["slope", "intercept", "observed_expected", "log_loss", "brier"]


def compute(results: Results, intervals: Intervals, seed: int) -> pd.DataFrame:
    """The table `Calibration` from the predictions of each model."""
    task, records = results.task, []
    for name, model, joined in zip(results.names, results.models, results.joined, strict=True):
        records += [named(model) | {"row": name} | each for each in of_model(task, joined, intervals, seed)]
    return pd.DataFrame(records).astype({"positives": "Int64"})


def of_model(task: Task, joined: pd.DataFrame, intervals: Intervals, seed: int) -> list[dict]:
    """The rows of a model."""
    every, repeats = calibrated_labels(task, joined), joined["repeat"].nunique()
    scores = {each.name: each for each in calibrated_labels(task, joined, task.of("score", joined))}
    records = [] if task.two_classes else [_over_labels(task, joined, intervals, seed)]
    for each in every:
        if not len(each.label):
            continue
        rows, of_score = (LabelRows(one, joined, intervals, seed) for one in (each, scores[each.name]))
        found = {"slope": rows.slope(), "intercept": rows.intercept(), "observed_expected": rows.observed_to_expected()}
        losses = np.stack(
            [log_losses(each.score, each.label), (each.score - each.label) ** 2, np.ones(len(each.label))]
        )
        values = rows.grouped.values(rows.grouped.sums(losses.T), means)
        found |= dict(zip(["log_loss", "brier"], interval(values, intervals.confidence), strict=True))
        before = {"slope_score": round(of_score.slope_of_all(), 4)}
        before |= {"brier_score": round(float(((of_score.probabilities - each.label) ** 2).mean()), 4)}
        count = {"label": each.name, "n": len(each.label) // repeats, "positives": int(each.label.sum()) // repeats}
        records.append(count | as_columns(found, MEASURES) | before)
    return records


def _over_labels(task: Task, joined: pd.DataFrame, intervals: Intervals, seed: int) -> dict:
    """The log loss and the Brier score over all labels of a pair."""
    losses, squares = losses_over_labels(task, joined, task.of("probability", joined))
    known = np.isfinite(losses)
    grouped = Grouped(joined["group"].to_numpy(), joined["repeat"].to_numpy(), intervals.resamples, seed)
    quantities = np.stack([losses, squares, np.ones(len(losses))], axis=1)[known]
    limits = interval(grouped.values(grouped.sums(quantities, known), means), intervals.confidence)
    found = dict(zip(["log_loss", "brier"], limits, strict=True))
    before = losses_over_labels(task, joined, task.of("score", joined))[1][known].mean()
    record = {"label": "", "n": int(known.sum()) // joined["repeat"].nunique(), "positives": pd.NA}
    return record | as_columns(found, MEASURES) | {"slope_score": np.nan, "brier_score": round(float(before), 4)}


def losses_over_labels(task: Task, joined: pd.DataFrame, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The log loss and the Brier score of each row, both (row,); NaN where no label is known."""
    targets = task.targets(joined)
    if task.excludes:
        own = np.take_along_axis(probabilities, targets.astype(int), axis=1)[:, 0]
        return -np.log(np.clip(own, LIMIT, 1)), ((probabilities - task.strata(targets)) ** 2).sum(axis=1)
    known = np.isfinite(targets).sum(axis=1)
    with np.errstate(invalid="ignore"):
        losses = np.nansum(log_losses(probabilities, targets), axis=1) / known
        return losses, np.nansum((probabilities - targets) ** 2, axis=1) / known


def log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The log loss of each probability of a label that is 0 or 1, of the same shape."""
    return -np.log(np.clip(np.where(labels == 1, probabilities, 1 - probabilities), LIMIT, 1)) + 0 * labels


def draw(results: Results, intervals: Intervals, seed: int, above: str) -> Figure:
    """The calibration curve of each model and label, with its band."""
    found = []
    for n in shown_models(results):
        labels = calibrated_labels(results.task, results.joined[n])
        found += [(results.names[n], each, results.joined[n]) for each in labels if np.ptp(each.score) > 0]
    figure, panels = grid(above, len(found[:MOST_PANELS]), 4, 1.75, sharex=True, sharey=True)
    for panel, (name, each, joined) in zip(panels, found[:MOST_PANELS], strict=True):
        draw_curve(panel, LabelRows(each, joined, intervals, seed))
        panel.set_title(name if results.task.two_classes else f"{name}\n{each.name}", fontsize="small")
    figure.supxlabel("probability", fontsize="medium")
    figure.supylabel("share that has the label", fontsize="medium")
    return figure


def draw_curve(panel: Axes, rows: LabelRows) -> None:
    """The calibration curve of a label, with the distribution of its probabilities."""
    curve = rows.curve()
    panel.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    panel.fill_between(curve.probability, curve.low, curve.high, color=BLUE, alpha=0.2, linewidth=0)
    panel.plot(curve.probability, curve.share, color=BLUE, linewidth=1.3)
    heights, edges = np.histogram(rows.probabilities, BINS, (0, 1))
    heights = HEIGHT * heights / heights.max()
    panel.bar(edges[:-1], heights, 1 / BINS, -HEIGHT - 0.03, align="edge", color=GREY, alpha=0.6)
    panel.set(xlim=(-0.02, 1.02), ylim=(-HEIGHT - 0.03, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])

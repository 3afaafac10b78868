"""Sensitivity and specificity on test pairs, at thresholds chosen on validation pairs for a required sensitivity."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandera.typing import Series

from lungfuse.compare.probabilities import calibrated_labels, trainings_of, validation_probabilities
from lungfuse.compare.results import Results
from lungfuse.compare.scores import as_columns
from lungfuse.compare.shown import shown_models
from lungfuse.measures import OneAgainstRest
from lungfuse.models.naming import named
from lungfuse.report.forest import LINE, forest
from lungfuse.report.style import BLACK, BLUE, ORANGE, grid
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.decisions import decision_quantities, sensitivity, specificity
from lungfuse.statistics.grouped import Grouped, interval
from lungfuse.tables.base import Table, columns
from lungfuse.tables.comparison import limits
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Operating points", "Calibration and net benefit", 4
CAPTION = (
    "Sensitivity (blue) and specificity (orange) on test pairs, at thresholds chosen on the validation pairs of "
    "each fold: the highest calibrated probability that reaches the required sensitivity there (dotted line). "
    "Intervals by bootstrap over groups and trainings, with the thresholds as they were chosen. Where the "
    "sensitivity is below the dotted line, the threshold does not transfer: users should expect the same. With more "
    "than two classes each is compared with the rest, and the fusions and their best parts are shown."
)
WANTED = ["classes", "reads_inputs", "study.comparison.sensitivities"]
READS = ["predicted"]
SETTINGS = ["intervals", "study.seed", "study.comparison.sensitivities"]
MOST_PANELS = 24


class OperatingPoints(Table):
    """One row a model, label and `required` sensitivity: what it has on test pairs.

    `threshold` is the mean of the probabilities that the folds' validation pairs choose, `threshold_low` and
    `threshold_high` are the least and the greatest. A fold without validation pairs that have the label chooses none:
    its test pairs are left out, and are not among the `n` pairs, of which `positives` have the label.
    """

    row: Series[str]
    model: Series[str]
    images: Series[str]
    text: Series[str]
    structured: Series[str]
    label: Series[str]
    required: Series[float] = pa.Field(gt=0, lt=1)
    n: Series[int]
    positives: Series[int]
    threshold: Series[float]
    threshold_low: Series[float]
    threshold_high: Series[float]
    sensitivity: Series[float] = pa.Field(nullable=True)
    sensitivity_low: Series[float] = pa.Field(nullable=True)
    sensitivity_high: Series[float] = pa.Field(nullable=True)
    specificity: Series[float] = pa.Field(nullable=True)
    specificity_low: Series[float] = pa.Field(nullable=True)
    specificity_high: Series[float] = pa.Field(nullable=True)


TABLE = OperatingPoints


def compute(results: Results, intervals: Intervals, seed: int, sensitivities: list[float]) -> pd.DataFrame:
    """The table `OperatingPoints` from the test and the validation predictions of each model."""
    records = []
    for n in shown_models(results):
        joined, validated = results.joined[n], results.validated[n]
        for each, thresholds in chosen_thresholds(results.task, joined, validated, sensitivities):
            own = named(results.models[n]) | {"row": results.names[n], "label": each.name}
            records += [own | found for found in _held(each, thresholds, joined, sensitivities, intervals, seed)]
    return pd.DataFrame(records, columns=columns(OperatingPoints))


def chosen_thresholds(
    task: Task, joined: pd.DataFrame, validated: pd.DataFrame, sensitivities: list[float]
) -> list[tuple[OneAgainstRest, np.ndarray]]:
    """Each label of the test pairs, and the thresholds of each row of `joined`, (row, sensitivity).

    They are chosen on the validation pairs of the training that predicted the row; NaN, where none of them has the
    label.
    """
    scores = validation_probabilities(task, validated)
    known = task.one_against_rest(task.targets(validated), scores, task.decide(scores))
    found = []
    for each, of_validation in zip(calibrated_labels(task, joined), known, strict=True):
        labels, probabilities = (np.full(len(validated), np.nan) for _ in range(2))
        labels[of_validation.known], probabilities[of_validation.known] = of_validation.label, of_validation.score
        thresholds = np.full((len(joined), len(sensitivities)), np.nan)
        for test, validation in trainings_of(joined, validated):
            positives = probabilities[validation][labels[validation] == 1]
            thresholds[test] = [threshold_for(positives, required) for required in sensitivities]
        found.append((each, thresholds))
    return found


def threshold_for(positives: np.ndarray, required: float) -> float:
    """The highest threshold at or above which the `required` share of some probabilities is; NaN for none of them."""
    if not len(positives):
        return float("nan")
    needed = int(np.ceil(required * len(positives) - 1e-9))
    return float(np.sort(positives)[len(positives) - needed])


def _held(
    each: OneAgainstRest,
    thresholds: np.ndarray,
    joined: pd.DataFrame,
    sensitivities: list[float],
    intervals: Intervals,
    seed: int,
) -> list[dict]:
    """What each threshold holds on the test pairs of a label, a row a sensitivity."""
    chosen = np.isfinite(thresholds[each.known, 0])
    labels, scores, limit = each.label[chosen], each.score[chosen], thresholds[each.known][chosen]
    if not len(labels):
        return []
    known = joined[each.known][chosen]
    repeats = known["repeat"].nunique()
    grouped = Grouped(known["group"].to_numpy(), known["repeat"].to_numpy(), intervals.resamples, seed)
    records = []
    for required, threshold in zip(sensitivities, limit.T, strict=True):
        sums = grouped.sums(decision_quantities(labels, scores >= threshold))
        values = grouped.values(sums, lambda sums: np.stack([sensitivity(sums), specificity(sums)], axis=-1))
        of_folds = np.unique(np.stack([known["repeat"], known["fold"], threshold], axis=1).astype(float), axis=0)[:, 2]
        record = {"required": required, "n": len(labels) // repeats, "positives": int(labels.sum()) // repeats}
        measures = {"threshold": (of_folds.mean(), of_folds.min(), of_folds.max())}
        measures |= dict(zip(["sensitivity", "specificity"], interval(values, intervals.confidence), strict=True))
        records.append(record | as_columns(measures, list(measures)))
    return records


def draw(table: pd.DataFrame, above: str) -> Figure:
    """Sensitivity and specificity of each model, a panel a label and required sensitivity."""
    groups = list(table.groupby(["label", "required"], sort=False))[:MOST_PANELS]
    lines = max((len(rows) for _, rows in groups), default=1)
    figure, panels = grid(above, max(1, len(groups)), 2, LINE * lines + 0.5, sharey=True, sharex=True)
    for panel, ((label, required), rows) in zip(panels, groups, strict=False):
        for measure, colour, shift in [("specificity", ORANGE, 0.14), ("sensitivity", BLUE, -0.14)]:
            forest(panel, list(rows["row"]), limits(rows, measure), [colour] * len(rows), shift=shift)
        panel.axvline(required, color=BLACK, linewidth=0.9, linestyle=":")
        panel.set_title(f"{label}: sensitivity {required:g} required", fontsize="small")
    handles = [
        Line2D([], [], color=colour, marker="o", markersize=4, label=name)
        for name, colour in [("sensitivity", BLUE), ("specificity", ORANGE)]
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure

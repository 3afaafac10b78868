"""Decisions by the calibrated probability, beside those by the raw score."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandera.typing import Series

from lungfuse.compare.probabilities import at_prevalence, prevalence_by_label, threshold_of
from lungfuse.compare.results import Results
from lungfuse.compare.scores import as_columns
from lungfuse.compare.shown import own_models
from lungfuse.measures import OneAgainstRest
from lungfuse.models.naming import named
from lungfuse.report.forest import LINE, forest
from lungfuse.report.style import BLUE, ORANGE, sheet
from lungfuse.settings.comparison import DecisionSettings, Intervals
from lungfuse.statistics.decisions import decision_quantities, prevalence, sensitivity, specificity
from lungfuse.statistics.grouped import Grouped, Statistic, interval
from lungfuse.tables.base import Table, columns
from lungfuse.tables.comparison import limits
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Decisions by probability", "Calibration and net benefit", 2
CAPTION = (
    "Decisions by the calibrated probability (dots, with intervals by bootstrap over groups and trainings), at the "
    "threshold that follows from the costs of errors and at the stated prevalence (comparison.decision), beside "
    "decisions by the raw score at one half (circles). If circle and dot differ, calibration has moved the "
    "threshold; a gain in accuracy between the two adds no information. Of several classes the most probable is "
    "predicted; accuracy is then the share of pairs whose class is right, balanced accuracy the mean share over the "
    "classes, and sensitivity and specificity are means over the classes, each against the rest. With several "
    "labels all are means over the labels. A model no more accurate than majority adds nothing at this threshold."
)
WANTED = ["classes"]
READS = ["predicted"]
SETTINGS = ["intervals", "study.seed", "study.comparison.decision"]
MEASURES = ["accuracy", "balanced_accuracy", "sensitivity", "specificity"]


class Decisions(Table):
    """One row a model and, where there are more than two classes or several labels, one for each of them besides.

    `threshold` is the probability from which on a pair is called positive; empty where the likeliest class is taken.
    `prevalence` is the share of positives that the probabilities and the accuracy are of: as stated, or that of the
    pairs. Measures that end in `_score` are those of decisions by the raw score at one half, on the same pairs and
    weighed alike. `label` is empty in the row of all labels.
    """

    row: Series[str]
    model: Series[str]
    images: Series[str]
    text: Series[str]
    structured: Series[str]
    label: Series[str]
    n: Series[int]
    positives: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    threshold: Series[float] = pa.Field(nullable=True)
    prevalence: Series[float] = pa.Field(nullable=True)
    accuracy: Series[float] = pa.Field(nullable=True)
    accuracy_low: Series[float] = pa.Field(nullable=True)
    accuracy_high: Series[float] = pa.Field(nullable=True)
    accuracy_score: Series[float] = pa.Field(nullable=True)
    balanced_accuracy: Series[float] = pa.Field(nullable=True)
    balanced_accuracy_low: Series[float] = pa.Field(nullable=True)
    balanced_accuracy_high: Series[float] = pa.Field(nullable=True)
    balanced_accuracy_score: Series[float] = pa.Field(nullable=True)
    sensitivity: Series[float] = pa.Field(nullable=True)
    sensitivity_low: Series[float] = pa.Field(nullable=True)
    sensitivity_high: Series[float] = pa.Field(nullable=True)
    sensitivity_score: Series[float] = pa.Field(nullable=True)
    specificity: Series[float] = pa.Field(nullable=True)
    specificity_low: Series[float] = pa.Field(nullable=True)
    specificity_high: Series[float] = pa.Field(nullable=True)
    specificity_score: Series[float] = pa.Field(nullable=True)


TABLE = Decisions


def compute(results: Results, intervals: Intervals, seed: int, decision: DecisionSettings) -> pd.DataFrame:
    """The table `Decisions` from the predictions of each model; a stated prevalence takes those of validation pairs."""
    task, records = results.task, []
    stated, with_labels = prevalence_by_label(task, decision), own_models(results)
    threshold = np.nan if task.excludes else round(threshold_of(decision), 4)
    for n, (name, model, joined) in enumerate(zip(results.names, results.models, results.joined, strict=True)):
        probabilities = task.of("probability", joined)
        if stated:
            probabilities = at_prevalence(task, joined, results.validated[n], stated)
        found = of_model(task, joined, decided(task, probabilities, threshold_of(decision)), stated, intervals, seed)
        own = named(model) | {"row": name, "threshold": threshold}
        records += [own | each for each in (found if n in with_labels else found[:1])]
    return pd.DataFrame(records, columns=columns(Decisions)).astype({"positives": "Int64"})


def decided(task: Task, probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Decisions by probability: (pair, score column) to (pair, label column); of several classes the likeliest."""
    return task.decide(probabilities) if task.excludes else (probabilities >= threshold).astype(int)


def of_model(
    task: Task, joined: pd.DataFrame, called: np.ndarray, stated: dict[str, float], intervals: Intervals, seed: int
) -> list[dict]:
    """The rows of a model, of decisions `called`, (row, label column)."""
    grouped = Grouped(joined["group"].to_numpy(), joined["repeat"].to_numpy(), intervals.resamples, seed)
    known = task.one_against_rest(task.targets(joined), task.of("score", joined), called)
    shares = np.array([stated.get(each.name, np.nan) for each in known])
    measures = measures_of(task, shares)
    sums = grouped.sums(quantities_of(task, joined, called))
    limits_of_all = interval(grouped.values(sums, measures), intervals.confidence).reshape(-1, len(MEASURES), 3)
    by_score = grouped.sums(quantities_of(task, joined, task.of("prediction", joined))).sum(axis=0)
    by_score = measures(by_score).mean(axis=0).reshape(-1, len(MEASURES))
    counts = _counts(task, joined, known, shares)
    return [
        count
        | as_columns(dict(zip(MEASURES, found, strict=True)), MEASURES)
        | {f"{name}_score": round(float(value), 4) for name, value in zip(MEASURES, before, strict=True)}
        for count, found, before in zip(counts, limits_of_all, by_score, strict=True)
    ]


def quantities_of(task: Task, joined: pd.DataFrame, called: np.ndarray) -> np.ndarray:
    """What `decision_quantities` are of each label, 0 where it is not known: (row, label times 4)."""
    found = []
    for each in task.one_against_rest(task.targets(joined), task.of("score", joined), called):
        quantities = np.zeros((len(joined), 4))
        quantities[each.known] = decision_quantities(each.label, each.prediction)
        found.append(quantities)
    return np.hstack(found)


def measures_of(task: Task, shares: np.ndarray) -> Statistic:
    """The statistic of `MEASURES`, (..., value): of all labels, if there are several, and of each.

    `shares` is the stated prevalence of each label, (label,), NaN where it is that of the pairs.
    """

    def measures(sums: np.ndarray) -> np.ndarray:
        each = sums.reshape(*sums.shape[:-1], -1, 4)
        found, right, share = sensitivity(each), specificity(each), prevalence(each)
        share = np.where(np.isnan(shares), share, shares)
        of_labels = np.stack([share * found + (1 - share) * right, (found + right) / 2, found, right], axis=-1)
        if not task.two_classes:
            of_all = _mean(of_labels)
            if task.excludes:
                of_all[..., 0], of_all[..., 1] = np.nansum(share * found, axis=-1), of_all[..., 2]
            of_labels = np.concatenate([of_all[..., None, :], of_labels], axis=-2)
        return of_labels.reshape(*sums.shape[:-1], -1)

    return measures


def _mean(of_labels: np.ndarray) -> np.ndarray:
    """The mean over the labels that define a measure: (..., label, measure) to (..., measure)."""
    defined = np.isfinite(of_labels)
    with np.errstate(invalid="ignore"):
        return np.where(defined, of_labels, 0).sum(axis=-2) / defined.sum(axis=-2)


def _counts(task: Task, joined: pd.DataFrame, known: list[OneAgainstRest], shares: np.ndarray) -> list[dict]:
    repeats = joined["repeat"].nunique()
    found = [] if task.two_classes else [{"label": "", "n": len(joined) // repeats, "positives": pd.NA}]
    for each, share in zip(known, shares, strict=True):
        own = each.label.mean() if len(each.label) else np.nan
        count = {"label": each.name, "n": len(each.label) // repeats, "positives": int(each.label.sum()) // repeats}
        found.append(count | {"prevalence": round(float(own if np.isnan(share) else share), 4)})
    return found


def draw(table: pd.DataFrame, task: Task, above: str) -> Figure:
    """Each measure of each model, by probability and by raw score."""
    rows = table.groupby("row", sort=False).head(1)
    shown = [MEASURES[0], *MEASURES[2:]] if task.two_classes else MEASURES[:3]
    figure, (panels,) = sheet(above, 1, len(shown), LINE * len(rows) + 0.5, sharey=True)
    for panel, measure in zip(panels, shown, strict=True):
        forest(panel, list(rows["row"]), limits(rows, measure), [BLUE] * len(rows))
        panel.plot(rows[f"{measure}_score"], range(len(rows)), "o", markersize=6, markerfacecolor="none", color=ORANGE)
        panel.set_title(measure.replace("_", " "), fontsize="small")
    look = {"marker": "o", "linestyle": ""}
    handles = [
        Line2D([], [], color=BLUE, markersize=4, label="by probability", **look),
        Line2D([], [], color=ORANGE, markersize=6, markerfacecolor="none", label="by raw score at one half", **look),
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure

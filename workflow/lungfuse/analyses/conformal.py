"""Sets of classes instead of one: how often they hold the right one, and how large they are."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandera.typing import Series

from lungfuse.compare.probabilities import trainings_of, validation_probabilities
from lungfuse.compare.results import Results
from lungfuse.compare.scores import as_columns
from lungfuse.compare.shown import shown_models
from lungfuse.models.naming import named
from lungfuse.report.forest import LINE, forest
from lungfuse.report.style import BLACK, BLUE, ORANGE, grid
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.conformal import METHODS, prediction_sets
from lungfuse.statistics.grouped import Grouped, interval, means
from lungfuse.tables.base import Table, columns
from lungfuse.tables.comparison import limits
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Prediction sets", "Calibration and net benefit", 5
CAPTION = (
    "Prediction sets meant to contain the right class for 90 % of pairs (split-conformal; Sadinle et al. 2019). lac: "
    "a class is in the set if its probability reaches that of the right class of nine tenths of the fold's validation "
    "pairs; class-conditional: of nine tenths of those of this class, so that each class is covered. Coverage on test "
    "pairs, with intervals by bootstrap over groups and trainings; the table adds the mean size of the sets and the "
    "share with exactly one class, without which coverage says little. The validation pairs also chose the epoch and "
    "the calibration, and pairs of a patient are not independent, so 90 % is not guaranteed: the table is the check. "
    "With several labels there is a set for each, of having it or not. With more than two classes, the fusions and "
    "their best parts are shown."
)
WANTED = ["classes", "reads_inputs"]
READS = ["predicted"]
SETTINGS = ["intervals", "study.seed"]
COVERAGE = 0.9
MOST_PANELS = 16
MEASURES = ["coverage", "size", "singletons"]


class Conformal(Table):
    """One row a model, method and class of pairs: the sets of the `n` test pairs that are of it.

    `method` is lac, one threshold for all classes, or class-conditional, one for each. `of` is the class, empty for all
    pairs; of several labels a pair, `label` says whose sets these are. `coverage` is the share of sets that hold the
    right class, `size` their mean number of classes, `singletons` the share of those that hold one class alone.
    """

    row: Series[str]
    model: Series[str]
    images: Series[str]
    text: Series[str]
    structured: Series[str]
    label: Series[str]
    method: Series[str] = pa.Field(isin=METHODS)
    of: Series[str]
    n: Series[int]
    coverage: Series[float] = pa.Field(nullable=True)
    coverage_low: Series[float] = pa.Field(nullable=True)
    coverage_high: Series[float] = pa.Field(nullable=True)
    size: Series[float] = pa.Field(nullable=True)
    size_low: Series[float] = pa.Field(nullable=True)
    size_high: Series[float] = pa.Field(nullable=True)
    singletons: Series[float] = pa.Field(nullable=True)
    singletons_low: Series[float] = pa.Field(nullable=True)
    singletons_high: Series[float] = pa.Field(nullable=True)


TABLE = Conformal


@dataclass(frozen=True)
class Question:
    """Classes that exclude each other: their names, and which of the score columns, or its complement, is theirs."""

    label: str
    classes: list[str]
    column: int | None

    def of(self, targets: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The class of each pair, (pair,), NaN where it is not known, and the probability of each, (pair, class)."""
        if self.column is None:
            return targets[:, 0], probabilities
        own = probabilities[:, self.column]
        return targets[:, self.column], np.stack([1 - own, own], axis=1)


def questions(task: Task) -> list[Question]:
    """What a set is made for: the classes, or whether a pair has each of several labels."""
    if task.excludes:
        return [Question("", task.labels, None)]
    if task.two_classes:
        return [Question("", task.labels, 0)]
    return [Question(name, [f"no {name}", name], n) for n, name in enumerate(task.labels)]


def compute(results: Results, intervals: Intervals, seed: int) -> pd.DataFrame:
    """The table `Conformal` from the test and the validation predictions of each model."""
    records = []
    for n in shown_models(results):
        own = named(results.models[n]) | {"row": results.names[n]}
        joined, validated = results.joined[n], results.validated[n]
        found = sets_of(results.task, joined, validated)
        records += [own | each for each in _covered(found, joined, intervals, seed)]
    return pd.DataFrame(records, columns=columns(Conformal))


Sets = tuple[Question, str, np.ndarray, np.ndarray]


def sets_of(task: Task, joined: pd.DataFrame, validated: pd.DataFrame) -> Iterator[Sets]:
    """Each question and method, the class of each test pair, (row,), and which classes its set has, (row, class)."""
    of_validation = task.targets(validated), validation_probabilities(task, validated)
    of_test = task.targets(joined), task.of("probability", joined)
    for question in questions(task):
        (known, calibrating), (classes, probabilities) = question.of(*of_validation), question.of(*of_test)
        for method in METHODS:
            sets = np.zeros(probabilities.shape, bool)
            for test, validation in trainings_of(joined, validated):
                used = validation[np.isfinite(known[validation])]
                sets[test] = prediction_sets(
                    calibrating[used], known[used].astype(int), probabilities[test], COVERAGE, method
                )
            yield question, method, classes, sets


def _covered(found: Iterator[Sets], joined: pd.DataFrame, intervals: Intervals, seed: int) -> Iterator[dict]:
    repeats = joined["repeat"].nunique()
    for question, method, classes, sets in found:
        size = sets.sum(axis=1)
        for number, name in [(None, ""), *enumerate(question.classes)]:
            rows = np.flatnonzero(np.isfinite(classes) if number is None else classes == number)
            if not len(rows):
                continue
            held = sets[rows, classes[rows].astype(int)]
            quantities = np.stack([held, size[rows], size[rows] == 1, np.ones(len(rows))], axis=1)
            groups, trainings = (joined[column].to_numpy()[rows] for column in ["group", "repeat"])
            grouped = Grouped(groups, trainings, intervals.resamples, seed)
            values = interval(grouped.values(grouped.sums(quantities), means), intervals.confidence)
            record = {"label": question.label, "method": method, "of": name, "n": len(rows) // repeats}
            yield record | as_columns(dict(zip(MEASURES, values, strict=True)), MEASURES)


def draw(table: pd.DataFrame, above: str) -> Figure:
    """The coverage of each model by both methods, a panel a class."""
    groups = list(table.groupby(["label", "of"], sort=False))[:MOST_PANELS]
    lines = table["row"].nunique()
    figure, panels = grid(above, len(groups), 3, LINE * lines + 0.5, sharey=True, sharex=True)
    looks = dict(zip(METHODS, [(BLUE, -0.14), (ORANGE, 0.14)], strict=True))
    for panel, ((label, of), rows) in zip(panels, groups, strict=True):
        for method, (colour, shift) in looks.items():
            shown = rows[rows["method"] == method]
            forest(panel, list(shown["row"]), limits(shown, "coverage"), [colour] * len(shown), shift=shift)
        panel.axvline(COVERAGE, color=BLACK, linewidth=0.9, linestyle=":")
        panel.set_title(" ".join(filter(None, [f"{label}:" if label else "", of or "all pairs"])), fontsize="small")
    figure.supxlabel("coverage", fontsize="medium")
    handles = [
        Line2D([], [], color=colour, marker="o", markersize=4, label=method) for method, (colour, _) in looks.items()
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure

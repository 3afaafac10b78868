"""What each fusion gains by class or label, by site, and by what is known of the patients, such as age and sex."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from pandera.typing import Series

from lungfuse.analyses.verdict import in_words, shortened
from lungfuse.compare.by_fold import by_fold, put_together
from lungfuse.compare.cases_needed import FEWEST, groups_of_classes
from lungfuse.compare.family import shown_as_family
from lungfuse.compare.results import Results
from lungfuse.compare.subgroups import SITE, subgroups_of
from lungfuse.compare.verdicts import Fusion, judge, with_verdicts
from lungfuse.report.forest import LEAST_LINE, METRIC, forest
from lungfuse.report.style import BLACK, BLUE, GREY, LEAST_FONT, sheet
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.gains import effective_groups
from lungfuse.statistics.within_folds import WithinFolds, mean_value
from lungfuse.tables.base import Table, columns
from lungfuse.tables.comparison import limits, with_limits

TITLE, SECTION, ORDER = "Gain by subgroup", "Subgroups", 1
CAPTION = (
    "The gain of each fusion over the part named in its verdict, in AUROC within folds: for each label or class, at "
    "each site, and in subgroups of patients. With exclusive classes, also the recall of each class, decided by "
    "calibrated probabilities: a gain in one that is a loss in another is a moved threshold. Intervals are "
    "simultaneous (max-T); grey: the interval includes zero. Subgroups with fewer than 20 effective groups, or ten "
    "of a class, have none."
)
WANTED = ["fused_inputs"]
READS = ["predicted", "structured"]
SETTINGS = ["intervals", "study.comparison.subgroups", "known_times", "study.seed"]

BANDS: dict[str, list[float]] = {"sex": [], "age": [0, 40, 60, 120], SITE: []}  # years
RECALL = "recall"


class GainBySubgroup(Table):
    """One row a fusion and subgroup of its cases: what it gains over `part`, the one that its verdict names.

    `by` is class, label, site or a column, and `subgroup` its value or band; where `by` is class, `metric` is recall at
    decisions by calibrated probabilities beside the score that verdicts compare. `value` is in [-1, 1], empty of a
    subgroup of one class; its interval and `p_corrected` hold for the whole table (max-T), but are empty with fewer
    than 20 effective groups or ten of a class. Labels of which a subgroup of patients has fewer are left out of its
    mean. `part_value` is the score of the part.
    """

    inputs: Series[str]
    part: Series[str]
    by: Series[str]
    subgroup: Series[str]
    metric: Series[str]
    n: Series[int]
    groups: Series[int]
    effective_groups: Series[float]
    part_value: Series[float] = pa.Field(nullable=True)
    value: Series[float] = pa.Field(nullable=True)
    value_low: Series[float] = pa.Field(nullable=True)
    value_high: Series[float] = pa.Field(nullable=True)
    p: Series[float] = pa.Field(nullable=True)
    p_corrected: Series[float] = pa.Field(nullable=True)


TABLE = GainBySubgroup


@dataclass(frozen=True)
class Subgroup:
    """Some of the pairs, bool of (pair,), or one of the labels, in a metric.

    `label` is its position among those of the metric, or None where all count.
    """

    by: str
    name: str
    metric: str
    used: np.ndarray
    label: int | None = None


def compute(
    results: Results, intervals: Intervals, subgroups: dict[str, list[float]], known_times: dict[str, str], seed: int
) -> pd.DataFrame:
    """The table `GainBySubgroup`, from the models and their predictions.

    `subgroups` are columns with the bounds of their bands, none of a category or of sites, see `subgroups_of`; empty,
    they are sex, age and site, where there are some.
    """
    scored, rows, gains = results.scored, [], []
    judged = with_verdicts(scored, known_times)
    verdicts = judge(scored, judged, intervals.confidence, seed) if judged else []
    wanted = subgroups or BANDS
    some = [*of_labels(results), *of_classes(results), *of_patients(results, wanted)]
    for fusion, verdict in zip(judged, verdicts, strict=True):
        part = fusion.parts[verdict.part]
        named = {"inputs": in_words(fusion.reads), "part": scored.names[part]}
        for subgroup in some:
            a, b = trainings_of(results, fusion, part, subgroup)
            gained = scored.gain(a, b)
            rows.append(named | described(results, subgroup) | {"part_value": mean_value(b)})
            gains.append(gained)
    effective = [row["effective_groups"] if row.pop("enough") else 0.0 for row in rows]
    shown = shown_as_family(gains, scored, intervals.confidence, seed, effective)
    found = [row | each for row, each in zip(rows, shown, strict=True)]
    return pd.DataFrame(found, columns=columns(GainBySubgroup)).round(6)


def of_labels(results: Results) -> Iterator[Subgroup]:
    """Each label, class against the rest, or grade or more, where there are several."""
    task, every = results.task, np.ones(len(results.scored.groups), bool)
    if results.scored.metric == "auroc" and len(task.columns("score")) > 1:
        by = "class" if task.excludes else "label"
        for n, label in enumerate(task.ranked):
            yield Subgroup(by, label, "auroc", every, n)


def of_classes(results: Results) -> Iterator[Subgroup]:
    """The cases of each class, where classes exclude each other."""
    task, first = results.task, results.joined[0][: len(results.scored.groups)]
    if task.excludes or task.two_classes:
        target = task.targets(first)[:, 0]
        for n, label in enumerate(task.labels):
            yield Subgroup("class", label, RECALL, target == n, n)


def of_patients(results: Results, wanted: dict[str, list[float]]) -> Iterator[Subgroup]:
    """The subgroups of each column that there is, of which there are several."""
    structured = results.structured
    known = {SITE, *(structured.columns if structured is not None else [])}
    there = {name: bounds for name, bounds in wanted.items() if name in known}
    table = structured if structured is not None else pd.DataFrame({"pair_id": results.pairs["pair_id"]})
    for by, values in subgroups_of(results.pairs, table, there).items():
        names = sorted(set(values) - {""}, key=lambda name: (len(name), name))
        for name in names if len(names) > 1 else []:
            yield Subgroup(str(by), name, results.scored.metric, (values == name).to_numpy())


def trainings_of(
    results: Results, fusion: Fusion, part: int, subgroup: Subgroup
) -> tuple[list[WithinFolds], list[WithinFolds]]:
    """The trainings of a fusion and of a part, scored in a subgroup."""
    scored, task = results.scored, results.task
    if subgroup.metric == RECALL:
        models = [by_fold(task, results.joined[n], "balanced_accuracy") for n in [*fusion.models, part]]
    elif subgroup.label is not None:
        models = [scored.trainings[n] for n in [*fusion.models, part]]
    else:
        models = [by_fold(task, results.joined[n], scored.metric, subgroup.used) for n in [*fusion.models, part]]
    labels = [subgroup.label] if subgroup.label is not None else np.flatnonzero(told_labels(results, subgroup))
    if subgroup.label is not None or (scored.metric == "auroc" and len(labels)):
        models = [[each.of_labels(labels) for each in model] for model in models]
    return put_together(models[:-1], fusion.best), models[-1]


def told_labels(results: Results, subgroup: Subgroup) -> np.ndarray:
    """The labels of which a subgroup has enough groups with and without, bool of (label,)."""
    return groups_of_classes(results.task, results.joined[0], subgroup.used).min(axis=1) >= FEWEST


def described(results: Results, subgroup: Subgroup) -> dict[str, object]:
    """The columns of `GainBySubgroup` that say what a subgroup is, and whether there is `enough` of it."""
    joined, groups = results.joined[0], results.scored.groups
    used, enough = subgroup.used, told_labels(results, subgroup)
    enough = enough.any() if subgroup.label is None else subgroup.metric == RECALL or enough[subgroup.label]
    if subgroup.label is not None and subgroup.metric != RECALL and not results.task.excludes:
        used = used & ~np.isnan(results.task.targets(joined[: len(groups)])[:, subgroup.label])
    record = {"by": subgroup.by, "subgroup": subgroup.name, "metric": subgroup.metric, "n": int(used.sum())}
    record |= {"groups": len(set(groups[used])), "enough": bool(enough)}
    return record | {"effective_groups": round(effective_groups(groups[used]), 1) if used.any() else 0.0}


def draw(table: pd.DataFrame, above: str) -> Figure:
    """The gain in each subgroup, in points."""
    figure, ((axes,),) = sheet(above, 1, 1, LEAST_LINE * max(len(table), 1) + 0.6)
    change = limits(table, "value") * 100
    names = [
        f"{shortened(row.inputs)}: {row.by} {row.subgroup}, {METRIC.get(row.metric, row.metric)}, n {row.n}"
        for row in table.itertuples()
    ]
    seen = (change["low"] > 0) | (change["high"] < 0)
    forest(axes, names, change, np.where(seen, BLUE, GREY), with_limits(change, 1, "+"))
    axes.tick_params(axis="y", labelsize=LEAST_FONT)
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set_xlabel("gain over the best part, points")
    return figure

"""The cases that a mapping makes of a table: read as the workflow will read them, and counted."""

import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.check.univariate import pure_words, univariate_auroc
from lungfuse.datasets import columns_of, own_sections_of
from lungfuse.datasets.table import MappedTable
from lungfuse.errors import UserError
from lungfuse.ingest.filter import FilterInputs, select_pairs
from lungfuse.ingest.limits import losses_of
from lungfuse.ingest.reports import DatasetTables, check_declared, values_of, with_patients
from lungfuse.ingest.split import draw
from lungfuse.init.left_out import left_out
from lungfuse.settings.ingest import SplitSettings
from lungfuse.settings.study import Study
from lungfuse.tables.ingest import rejected_table
from lungfuse.tasks import Task, load_task

SURE = 40  # groups of the rarest class from which on folds can be made without trying


@dataclass(frozen=True)
class Cases:
    """The cases of a study: `pairs` as the filters leave them, the `values` of their reports, the `task`.

    `rows` counts the rows that name an image, `unread` those whose image is not found. `losses` says what is lost to
    input that cannot be used, as `lungfuse.ingest.limits` counts it; `left_out` counts the rows of the table that are
    no cases, by the reason.
    """

    pairs: pd.DataFrame
    values: pd.DataFrame
    task: Task
    rows: int = 0
    unread: int = 0
    losses: dict[str, tuple[int, int]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def labels(self) -> pd.DataFrame:
        """What each case is, empty where unknown: a column a label, or one with the class."""
        columns = self.task.columns("label")
        if len(columns) > 1:
            known = {name: self.pairs[column] for name, column in zip(self.task.labels, columns, strict=True)}
            return pd.DataFrame({name: cells.map({0: "no", 1: "yes"}).fillna("") for name, cells in known.items()})
        return pd.DataFrame({"": self.pairs[columns[0]].map(dict(enumerate(self.task.labels)))})

    def values_of(self, name: str) -> pd.Series:
        """The values of a structured column, one a case."""
        return self.pairs["report_id"].map(self.values.set_index("report_id")[name]).fillna("")

    def groups(self) -> dict[str, int]:
        """How many groups each class has, or each label where it is yes and where it is no, the fewer of both."""
        labels, group = self.labels, self.pairs["group"]
        if len(labels.columns) == 1:
            counts = group.groupby(labels[""]).nunique()
            return {name: int(counts.get(name, 0)) for name in self.task.labels}
        counts = {name: [group[labels[name] == word].nunique() for word in ("yes", "no")] for name in labels}
        return {name: min(found) for name, found in counts.items()}

    @property
    def own_split(self) -> pd.Series:
        """What the column of the split says of each case."""
        return self.pairs["own_split"]

    @property
    def total(self) -> int:
        """Rows of the table."""
        return self.pairs["report_id"].nunique() + sum(self.left_out.values())

    def counts(self) -> dict[str, str]:
        """How many cases are of each class or have each label, in words."""
        labels = self.labels
        if len(labels.columns) == 1:
            return {name: f"{(labels[''] == name).sum():,}" for name in self.task.labels}
        return {name: f"{(labels[name] == 'yes').sum():,} of {(labels[name] != '').sum():,}" for name in labels}


def cases_of(study: Study, raw: Path, unknown: Mapping[str, Sequence[str]] | None = None) -> Cases:
    """Read the table of a study with the files of `raw`.

    `unknown` are the words of label columns that stand for nothing.

    Raises:
        UserError: what the workflow would stop with.
    """
    source = MappedTable(study.table)
    task = load_task(study.task, study.labels)
    with redirect_stdout(io.StringIO()):
        readable = source.found_images(raw) if study.table.image else None
        collection = source.read_reports(raw)
        reports = with_patients(collection.reports)
    check_declared(own_sections_of(source), columns_of(source), source.PLACE)
    values = values_of(
        collection.values, reports["report_id"], columns_of(source), DatasetTables("table", source.PLACE)
    )
    found = FilterInputs(reports, collection.views, values, readable)
    pairs, steps, dropped = select_pairs(found, task, study.modalities, study.view, study.filter, study.seed)
    rejected = pd.concat([collection.rejected, rejected_table(dropped)])
    counts = steps.set_index("step")["count"]
    counts["reports found"] = len({*reports["report_id"], *rejected["id"][rejected["what"] == "report"]})
    views = collection.views
    unread = len(views) - len(readable & {*views["image_id"]}) if readable is not None else 0
    left = {reason: count for reason, count in source.left_out.items() if count}
    left |= left_out(study, task, found, pairs, source.named_again, unknown or {})
    task, pairs = task.in_classes(pairs)
    return Cases(pairs.reset_index(drop=True), values, task, len(views), unread, losses_of(counts, rejected), left)


def gives_away(cases: Cases, name: str, kind: str, leak_auroc: float, leak_min_share: float) -> str:
    """How a column gives the label away by itself, in words; else nothing."""
    values, group = cases.values_of(name), cases.pairs["group"]
    for label, known in cases.labels.items():
        of = f" of {label}" if label else ""
        score = univariate_auroc(values, kind, known, group)
        if np.isfinite(score) and score >= leak_auroc:
            return f"it predicts the label{of} by itself, AUROC {score:.2f}"
        if kind == "number":
            continue
        for word, stands_for, count in pure_words(values, known, group):
            if count >= leak_min_share * (known != "").sum():
                meaning = f"{label}: {stands_for}" if label else stands_for
                return f"{word!r} stands for {meaning} alone, in {count:,} cases (AUROC {score:.2f} by itself)"
    return ""


def splits(cases: Cases, settings: SplitSettings, seed: int) -> bool:
    """Whether folds can be made so, with pairs of each class to learn from and to validate on."""
    if min(cases.groups().values()) >= SURE:
        return True
    try:
        drawn = draw(cases.pairs, settings, seed, cases.task)
    except UserError:
        return False
    repeats = [drawn.of_repeat(repeat)[0] for repeat in range(settings.repeats)]
    return all(_complete(part, cases.task) for pairs in repeats for _, part in pairs.groupby("fold"))


def _complete(part: pd.DataFrame, task: Task) -> bool:
    columns: Sequence[str] = task.columns("label")
    return len(columns) > 1 or part[columns[0]].nunique() == len(task.labels)

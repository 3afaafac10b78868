"""What the data check looks at: the cases of a study with everything that is known of them."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from lungfuse.check.univariate import Kind, Outcomes, Score, score_column
from lungfuse.duplicates.pictures import Pictures
from lungfuse.ingest.groups import normalise
from lungfuse.settings.check import CheckLimits
from lungfuse.settings.ingest import FilterSettings
from lungfuse.tables.base import columns
from lungfuse.tables.check import CheckedCases, UnivariateAUROC
from lungfuse.tables.ingest import sections_of
from lungfuse.tasks import Task

BASELINE = 0.5
OTHER = {
    "patient",
    "date",
    "apart",
    "own_split",
    "view",
    "projection",
    "width",
    "height",
    "row",
}  # columns beside the sections


@dataclass(frozen=True)
class RawTables:
    """The tables before the cases were selected: `reports`, `views`, `values`, `funnel` and `rejected`."""

    reports: pd.DataFrame
    views: pd.DataFrame
    values: pd.DataFrame
    funnel: pd.DataFrame
    rejected: pd.DataFrame


@dataclass(frozen=True)
class Checked:
    """A study before its folds are made.

    `cases` is the table `Candidates` with `patient`, `date`, `view`, `width` and `height`, numbered from 0; `values`
    has the structured columns of the cases as strings, without those that labels are read from, and `kinds` says of
    each whether it is of numbers or categories. `reads` names by modality what rows of the study read. `pictures` is
    None where the study has no images. What is scored on the way stands in `scores`, cases behind findings in
    `details`.
    """

    cases: pd.DataFrame
    values: pd.DataFrame
    kinds: dict[str, Kind]
    task: Task
    rules: FilterSettings
    reads: dict[str, list[str]]
    folds: int
    settings: CheckLimits
    raw_tables: RawTables
    pictures: Pictures | None = None
    scores: list[tuple] = field(default_factory=list)
    details: list[tuple] = field(default_factory=list)

    @cached_property
    def outcomes(self) -> Outcomes:
        """What is predicted of each case."""
        targets, groups = self.task.targets(self.cases), self.cases["group"].to_numpy()
        if targets.shape[1] > 1:
            return Outcomes(targets, self.task.labels, groups, exclusive=False)
        values = (targets == np.arange(len(self.task.labels))).astype(float)
        if self.task.two_classes:
            return Outcomes(values[:, 1:], self.task.labels[1:], groups, exclusive=True)
        return Outcomes(values, self.task.labels, groups, exclusive=True)

    @cached_property
    def of_class(self) -> dict[str, np.ndarray]:
        """Which cases are of each class, or have each label; bool of (case,)."""
        targets = self.task.targets(self.cases)
        if targets.shape[1] > 1:
            return {label: column == 1 for label, column in zip(self.task.labels, targets.T, strict=True)}
        return {label: targets[:, 0] == number for number, label in enumerate(self.task.labels)}

    @property
    def exclusive(self) -> bool:
        """Whether a case is of one class alone."""
        return len(self.task.columns("label")) == 1

    @cached_property
    def words(self) -> pd.Series:
        """The label of each case in a word, empty where it is not known; the known labels where there are several."""
        targets = self.task.targets(self.cases)
        if self.exclusive:
            return pd.Series(targets[:, 0]).map(dict(enumerate(self.task.labels))).fillna("").astype(str)
        marks = np.where(np.isnan(targets), "?", np.where(targets == 1, "1", "0"))
        return pd.Series(["".join(row) for row in marks], dtype=str)

    @cached_property
    def texts(self) -> dict[str, pd.Series]:
        """The sections that cases have, by name, in lower case and without punctuation."""
        found = {section: self.cases[section] for section in sections_of(self.cases) if section not in OTHER}
        return {name: normalise(values) for name, values in found.items() if (values != "").any()}

    @property
    def has_classes(self) -> bool:
        """Whether there is something to predict: cases of two classes, or a label that some have and others lack."""
        values = self.outcomes.values
        return bool(len(values) and ((values == 1).any(axis=0) & (values == 0).any(axis=0)).any())

    def read(self, modality: str) -> list[str]:
        """What rows read of a modality."""
        return self.reads.get(modality, [])

    def score(self, what: str, name: str, values: pd.Series, kind: Kind = "category") -> Score:
        """The score that values reach by themselves, noted in `scores`."""
        score = score_column(values, kind, self.outcomes)
        self.note(what, name, score)
        return score

    def note(self, what: str, name: str, score: Score) -> None:
        """Put a score among `scores`."""
        rows = list(zip(score.names, score.n, score.auroc, strict=True))
        if self.exclusive and len(rows) > 1:
            rows.insert(0, ("", int(max(score.n)), score.mean))
        self.scores.extend((what, name, label, int(n), auroc, BASELINE) for label, n, auroc in rows)

    @property
    def score_table(self) -> pd.DataFrame:
        return pd.DataFrame(self.scores, columns=columns(UnivariateAUROC)).round(4)

    @property
    def detail_table(self) -> pd.DataFrame:
        return pd.DataFrame(self.details, columns=columns(CheckedCases), dtype=str)

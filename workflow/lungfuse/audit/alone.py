"""How well a column, or that its cells are empty, predicts the label by itself: out of fold, with intervals."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lungfuse.audit.audited import Audited
from lungfuse.audit.groupings import grouping, named
from lungfuse.audit.scores import Estimate, Resampled
from lungfuse.check.findings.sources import days_of
from lungfuse.check.univariate import Kind, Outcomes, intervals, out_of_fold
from lungfuse.check.words import text_scores
from lungfuse.ingest.groups import normalise
from lungfuse.init.profile import Profile

LEAST_SHARE = 0.05  # of the rows that a class has, for it to be named by itself
BETTER = 0.02  # AUROC by which classes together must be predicted better than the best one by itself
LEAST_ROWS = 20  # that are filled
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
LAST_NUMBER = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True)
class Alone:
    """What a column, a gap or a text reaches by itself.

    `n` rows are scored; `columns` are those of a gap. `of_label` has the AUROC of each class or label, by name, and
    under an empty name their mean; `best` is the one predicted best, which may be several classes together: then
    `together` is bool (class,).
    """

    kind: str
    subject: str
    n: int
    of_label: dict[str, Estimate]
    best: str
    together: np.ndarray | None = None
    columns: tuple[str, ...] = ()

    @property
    def value(self) -> Estimate:
        return self.of_label[self.best]


@dataclass(frozen=True)
class Scorer:
    """Scores columns of a table; `resamples` of the groups make an interval."""

    data: Audited
    resamples: int
    seed: int

    def score(self, kind: str, subject: str, values: pd.Series, as_a: Kind = "category") -> Alone | None:
        """What values reach by themselves on the rows that have one; None where too few do, or all say the same."""
        rows = np.flatnonzero((values != "").to_numpy())
        values = values.iloc[rows].reset_index(drop=True)
        if len(rows) < LEAST_ROWS or values.nunique() < 2:
            return None
        part = self._part(rows)
        alone = self._alone(kind, subject, part, out_of_fold(values, as_a, part))
        return alone and self._with_together(alone, values, as_a, part)

    def text(self, subject: str) -> Alone | None:
        """What the words of a text reach by themselves."""
        found = text_scores(normalise(self.data.cells[subject]).to_numpy(object), self.data.outcomes)
        return None if found is None else self._alone("text", subject, self._part(found[0]), found[1])

    def _part(self, rows: np.ndarray) -> Outcomes:
        every = self.data.outcomes
        return Outcomes(every.values[rows], every.names, every.groups[rows], every.exclusive)

    def _alone(self, kind: str, subject: str, part: Outcomes, scores: np.ndarray) -> Alone | None:
        mean, *each = self._estimates(part, scores)
        of_label = dict(zip(part.names, each, strict=True))
        known = ~np.isnan(part.values)
        counts = np.nansum(part.values, axis=0)
        several = part.exclusive and len(part.names) > 1
        fit = [
            name
            for name, count, n in zip(part.names, counts, known.sum(axis=0), strict=True)
            if np.isfinite(of_label[name].value) and (not several or count >= LEAST_SHARE * n)
        ]
        if not fit:
            return None
        best = max(fit, key=lambda name: of_label[name].value)
        if len(part.names) > 1:
            of_label = {"": mean} | of_label
        return Alone(kind, subject, len(part.values), of_label, best)

    def _with_together(self, alone: Alone, values: pd.Series, as_a: Kind, part: Outcomes) -> Alone:
        """With classes that are predicted together, where they are predicted better than the best one by itself."""
        if not self.data.asked.several:
            return alone
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(float) if as_a == "number" else None
        codes = pd.factorize(values)[0] if numbers is None else intervals(numbers)
        chosen = grouping(codes, part.values, part.groups)
        if chosen is None or chosen.sum() < 2:
            return alone
        both = Outcomes(part.values @ chosen[:, None].astype(float), [""], part.groups, exclusive=True)
        value = self._estimates(both, out_of_fold(values, as_a, both))[1]
        if value.value < alone.value.value + BETTER:
            return alone
        name = named(chosen, part.names)
        return replace(alone, of_label=alone.of_label | {name: value}, best=name, together=chosen)

    def _estimates(self, part: Outcomes, scores: np.ndarray) -> list[Estimate]:
        return Resampled(part.values, part.fold, part.groups, self.resamples, self.seed).aurocs(scores)


def columns_alone(scorer: Scorer) -> Iterator[Alone]:
    """Each column by itself, on the rows that fill it; of ids and file names the number in them; the order of rows."""
    data = scorer.data
    for name, profile in data.profiles.items():
        if name in data.asked.columns or profile.kind in ("constant", "empty"):
            continue
        if name in data.texts or profile.kind == "text":
            found = scorer.text(name)
        else:
            subject, values, as_a = _as_values(data, profile)
            found = scorer.score("column", subject, values, as_a)
        if found:
            yield found
    if found := scorer.score("column", "order of the rows", pd.Series(np.arange(len(data)).astype(str)), "number"):
        yield found


def gaps_alone(scorer: Scorer) -> Iterator[Alone]:
    """Whether cells are empty, of columns that are so in the same rows together; last, which ones of all are."""
    data = scorer.data
    together: dict[bytes, list[str]] = {}
    for name in data.profiles:
        if name not in data.asked.columns and (data.cells[name] == "").any():
            together.setdefault((data.cells[name] == "").to_numpy().tobytes(), []).append(name)
    read = [names for names in together.values() if set(names) & set(data.reads)]
    for names in together.values():
        gap = (data.cells[names[0]] == "").map({True: "empty", False: "filled"})
        if found := scorer.score("gap", ", ".join(names), gap):
            yield replace(found, columns=tuple(names))
    if len(read) > 1:
        empty = data.cells[[names[0] for names in read]] == ""
        pattern = pd.Series(["".join("01"[cell] for cell in row) for row in empty.to_numpy(int)])
        if found := scorer.score("gaps", "all columns that are read", pattern):
            yield replace(found, columns=tuple(name for names in read for name in names))


def _as_values(data: Audited, profile: Profile) -> tuple[str, pd.Series, Kind]:
    """What a column is scored by: its subject in words, its values, and whether they are numbers or categories."""
    cells, name = data.cells[profile.name], profile.name
    if profile.kind == "number":
        return name, cells, "number"
    if profile.kind == "near-number":
        found = cells.str.extract(f"({NUMBER.pattern})", expand=False).fillna("").str.replace(",", ".")
        return name, found, "number"
    if profile.kind == "date":
        days = days_of(cells)
        return (name, days, "number") if (days != "").any() else (name, cells, "category")
    if profile.kind == "id" or name in [*data.group_columns, data.roles.image]:
        return f"number in {name}", cells.str.extract(LAST_NUMBER, expand=False).fillna(""), "number"
    return name, cells, "category"

"""What cases lack, by class; which classes the filters remove more of; and what was rejected."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding
from lungfuse.check.univariate import PREDICTS
from lungfuse.ingest.funnel import counts_by_class
from lungfuse.ingest.labels import class_names
from lungfuse.words import counted, listed, share

MUCH = 0.2  # of the values
UNEVEN = 0.05  # difference of two classes in what a step has left
CHANCE = 1e-3
BALANCE = "balanced reports"
UNLABELLED = "has no label"  # reported by the findings of classes


def findings(data: Checked) -> Iterator[Finding]:
    if data.has_classes:
        for name, gaps, read in _gaps(data):
            yield from _gap(data, name, gaps, read)
    yield from _funnel(data)
    yield from _rejected(data)


def _gaps(data: Checked) -> Iterator[tuple[str, np.ndarray, bool]]:
    """What may be missing: its name, which cases lack it, and whether a model uses it."""
    if data.pictures is not None:
        yield "image", (data.cases["image_id"] == "").to_numpy(), bool(data.read("image"))
    for section in data.texts:
        yield section, (data.cases[section] == "").to_numpy(), section in data.read("text")
    for column in data.values:
        yield column, (data.values[column] == "").to_numpy(), column in data.read("structured")


def _gap(data: Checked, name: str, gaps: np.ndarray, read: bool) -> Iterator[Finding]:
    if not gaps.any() or gaps.all():
        return
    label, auroc = data.score("missing", name, pd.Series(gaps.astype(str))).best()
    by_class = ", ".join(f"{share(gaps[has].sum(), has.sum())} of {cls}" for cls, has in data.of_class.items())
    found = f"{name} is missing in {gaps.sum():,} of {counted(len(gaps), 'case')} ({share(gaps.sum(), len(gaps))})"
    found += f": {by_class}." if len(data.of_class) <= 8 else "."
    if auroc >= PREDICTS:
        severity = "note" if not read else "stop" if auroc >= data.settings.leak_auroc else "warning"
        yield Finding(
            severity,
            name,
            f"{found} Its missing values alone predict {label} with AUROC {auroc:.2f}.",
            "A model can learn who was examined instead of what was found, which does not hold for new cases.",
            "Ask why it is missing. Remove it from the models, or keep only the cases that have it.",
        )
    elif read and gaps.mean() > MUCH:
        yield Finding(
            "note",
            name,
            found,
            "Models that use it are trained on fewer cases; missing.csv scores those that lack it separately.",
            "To compare on the cases that have it, put its modality under filter.required.",
        )


def _funnel(data: Checked) -> Iterator[Finding]:
    funnel, names = data.raw_tables.funnel, class_names(data.task)
    if any(name not in funnel for name in names):
        return
    counted_steps = counts_by_class(funnel, data.task)
    counted_steps = counted_steps[~counted_steps.index.str.contains("reports of pairs|groups of pairs")]
    steps, counts = list(counted_steps.index), counted_steps.to_numpy()
    labels = dict(zip(names, data.task.labels, strict=True))
    skipped = {BALANCE, *(f"{label} {what}" for label in data.task.labels for what in ["reports", "pairs"])}
    for place in range(1, len(steps)):
        step, before, after = steps[place], counts[place - 1], counts[place]
        asked = before > 0
        if step in skipped or (after > before).any() or asked.sum() < 2 or (after == before).all():
            continue
        left = after[asked] / before[asked]
        table = np.stack([after[asked], before[asked] - after[asked]])
        if np.ptp(left) < UNEVEN or not table.sum(axis=1).all() or by_chance(table) > CHANCE:
            continue
        said = ", ".join(
            f"{labels[name]} {int(b):,} to {int(a):,} ({a / b:.0%})"
            for name, a, b in zip(np.array(names)[asked], after[asked], before[asked], strict=True)
        )
        yield Finding(
            "warning" if np.ptp(left) > 0.2 else "note",
            f"step {step}",
            f"The step '{step}' of funnel.csv removes more of one class than of another: {said}.",
            "The remaining cases are not those of the collection, and what they lack may predict the class.",
            "See rejected.csv for the exclusions. Fix the step, or state which cases the result holds for.",
        )


def by_chance(table: np.ndarray) -> float:
    """The chance that rows of counts are drawn from the same shares (Pearson's chi-squared)."""
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    degrees = (table.shape[0] - 1) * (table.shape[1] - 1)
    return float(chdtrc(degrees, ((table - expected) ** 2 / expected).sum()))


def _rejected(data: Checked) -> Iterator[Finding]:
    rejected = data.raw_tables.rejected
    rejected = rejected[~rejected["reason"].str.startswith(UNLABELLED)]
    if rejected.empty:
        return
    reasons = (
        rejected["reason"]
        .str.split(";")
        .str[0]
        .str.replace(r"'[^']*'|\"[^\"]*\"|\d[\d.,]*", "…", regex=True)
        .str.strip()
    )
    reasons = reasons.mask(rejected["reason"].str.contains(r"named by \d+ rows"), "is named by several rows")
    for (what, reason), part in rejected.groupby([rejected["what"], reasons], sort=False):
        yield Finding(
            "note",
            f"{what} {_short(reason)}",
            f"{counted(len(part), what)} left out: {reason} ({listed(part['id'], 3)}).",
            "They take no part in any row.",
            "rejected.csv names each. Fix the table or the files where they should be there.",
        )


def _short(reason: str) -> str:
    return re.sub(r"\s+", " ", reason.split(";")[0])[:60].strip(" .,")

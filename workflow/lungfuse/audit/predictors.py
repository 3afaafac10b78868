"""Findings on columns, gaps and texts that predict the label by themselves."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lungfuse.audit.alone import Alone
from lungfuse.audit.audited import Audited
from lungfuse.audit.found import Found
from lungfuse.audit.groupings import named
from lungfuse.audit.scores import Estimate
from lungfuse.check.univariate import PureWord, pure_words
from lungfuse.words import counted, listed, share

LEAKS = 0.95  # AUROC from which on an input gives the label away
STRONG, GOOD, GAP = 0.85, 0.7, 0.65
TEXT_STRONG, TEXT_GOOD = 0.9, 0.75
SOME, MANY = 0.01, 0.05  # of the rows, with a word that only one class has


def findings_of(alone: list[Alone], data: Audited) -> Iterator[Found]:
    """A finding for each column, gap and text that predicts the label well by itself, the best first."""
    for each in sorted(alone, key=lambda each: -each.value.value):
        if beyond_chance(each.value):
            match each.kind:
                case "column":
                    yield from _column(each, data)
                case "text":
                    yield from _text(each, data)
                case _:
                    yield from _gap(each, data)
    for name, profile in data.profiles.items():
        if profile.kind == "constant":
            found = f"{name} is {profile.words.index[0]!r} in every row, so it predicts nothing."
            yield Found("note", "constant", name, found, profile.rows, profile.rows)


def beyond_chance(value: Estimate) -> bool:
    """Whether an interval is above one half; where groups are too few for one, whether the value is."""
    return (value.low if np.isfinite(value.low) else value.value) > 0.5


def _column(alone: Alone, data: Audited) -> Iterator[Found]:
    pure = [word for word in _pure(alone, data) if word.n >= SOME * len(data)]
    auroc, read = alone.value.value, alone.subject in data.reads
    if auroc < GOOD and not pure:
        return
    severity = "note"
    if read and (auroc >= LEAKS or any(word.n >= MANY * len(data) for word in pure)):
        severity = "stop"
    elif read and (auroc >= STRONG or pure):
        severity = "warning"
    found = f"{alone.subject} alone predicts {_told(alone, data)}"
    if pure:
        said = [f"{word.word!r} ({counted(word.n, 'row')}, {word.label})" for word in pure]
        found += f"; values that only one side has: {listed(said, 3)}"
    found += ". If it is known only after the diagnosis, no new case has it." if read else ". No model should read it."
    yield _found(severity, alone, found, alone.n, len(data))


def _gap(alone: Alone, data: Audited) -> Iterator[Found]:
    if alone.value.value < GAP:
        return
    read = bool(set(alone.columns) & set(data.reads))
    severity = "note" if not read else "stop" if alone.value.value >= LEAKS else "warning"
    if alone.kind == "gaps":
        empty = int((data.cells[list(alone.columns)] == "").any(axis=1).sum())
        found = f"Which of {len(alone.columns)} columns are empty predicts {_told(alone, data)}."
    else:
        first = alone.columns[0]
        empty = int((data.cells[first] == "").sum())
        more = f" (and {len(alone.columns) - 1} more columns)" if len(alone.columns) > 1 else ""
        found = f"{first}{more} is empty in {empty:,} of {counted(len(data), 'row')} ({share(empty, len(data))}"
        found += f"{_by_class(data, first)}); that alone predicts {_told(alone, data)}."
    found += " A model can learn who was examined instead of what was found."
    yield _found(severity, alone, found, empty, len(data))


def _text(alone: Alone, data: Audited) -> Iterator[Found]:
    auroc = alone.value.value
    if auroc < TEXT_GOOD:
        return
    severity = "warning" if auroc >= TEXT_STRONG and alone.subject in data.texts else "note"
    found = f"The words of {alone.subject} alone predict {_told(alone, data)} (TF-IDF). Ask who wrote it, and when."
    yield _found(severity, alone, found, alone.n, len(data))


def _found(severity: str, alone: Alone, found: str, count: int, of: int) -> Found:
    return Found(severity, alone.kind, alone.subject, found, count, of, alone.best, alone.value, columns=alone.columns)


def _told(alone: Alone, data: Audited) -> str:
    """The label with its AUROC and interval, and where there are several the mean."""
    value = alone.value
    limits = f" ({value.low:.3f} to {value.high:.3f})" if np.isfinite(value.low) else ", too few groups for an interval"
    which = f"{alone.best} against the other classes" if data.asked.several else alone.best
    mean = f"; mean of {len(data.asked.names)} {alone.of_label[''].value:.3f}" if "" in alone.of_label else ""
    return f"{which} with AUROC {value.value:.3f}{limits}{mean}"


def _by_class(data: Audited, column: str) -> str:
    """The share of each class that is empty, where there are few."""
    if len(data.asked.classes) > 8 or not data.asked.exclusive:
        return ""
    empty = (data.cells[column] == "").to_numpy()
    of = {name: (data.asked.words == name).to_numpy() for name in data.asked.classes}
    return ": " + ", ".join(f"{share(empty[has].sum(), has.sum())} of {name}" for name, has in of.items())


def _pure(alone: Alone, data: Audited) -> list[PureWord]:
    """Words of a category that only one class, or one side of the classes that it predicts together, has."""
    if alone.subject not in data.profiles or not data.asked.exclusive:
        return []
    if data.profiles[alone.subject].kind not in ("category", "yes/no", "words"):
        return []
    words = data.asked.words
    if alone.together is not None:
        sides = dict.fromkeys(data.asked.classes, f"only {named(~alone.together, data.asked.names)}")
        chosen = [name for name, one in zip(data.asked.names, alone.together, strict=True) if one]
        sides |= dict.fromkeys(chosen, f"only {alone.best}")
        words = words.map(sides).fillna("")
    else:
        words = words.where(words == "", "only " + words)
    return pure_words(data.cells[alone.subject], words, pd.Series(data.groups))

"""How many cases each class or label has, and which reports have none."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding
from lungfuse.ingest.labels import fitting
from lungfuse.settings.ingest import LabelRule
from lungfuse.words import counted, listed, share

FEW = 50  # cases of a class
RARE = 0.05  # of the cases


def findings(data: Checked) -> Iterator[Finding]:
    yield from _counts(data)
    yield from _unlabelled(data)


def _counts(data: Checked) -> Iterator[Finding]:
    total = len(data.cases)
    counts = {name: int(has.sum()) for name, has in data.of_class.items()}
    known = _known(data)
    said = ", ".join(
        f"{counts[name]:,} {name} ({share(counts[name], total)})"
        + (f" of {known[name]:,} known" if known[name] < total else "")
        for name in counts
    )
    if not data.has_classes:
        yield Finding(
            "stop",
            "one class",
            f"{counted(total, 'case')}: {said}.",
            "There is nothing to predict, so every score is empty or perfect.",
            "See funnel.csv for the step that removed the other class, and fix filter.labels or the table.",
        )
        return
    yield Finding(
        "note",
        "counts",
        f"{counted(total, 'case')} in {data.cases['group'].nunique():,} groups: {said}.",
        "A model that always predicts the most frequent class is right in "
        f"{share(max(counts.values()), total)} of the cases."
        if data.exclusive
        else "A rare label is scored on few cases.",
        "Read balanced accuracy and AUROC beside accuracy where classes are uneven.",
    )
    for name, count in counts.items():
        other = known[name] - count
        if not data.exclusive and known[name] and min(count, other) == 0:
            yield Finding(
                "warning",
                name,
                f"All {counted(known[name], 'known case')} {'have' if count else 'lack'} the label {name}.",
                "It cannot be learned, and its scores are empty.",
                "Leave the label out, or see the words that its rule in filter.labels looks for.",
            )
        elif min(count, other) < FEW or min(count, other) < RARE * known[name]:
            rarer = name if count <= other else f"not {name}"
            if count <= other or not data.exclusive:
                yield _rare(rarer, min(count, other), known[name])


def _rare(name: str, count: int, total: int) -> Finding:
    return Finding(
        "warning" if count < FEW else "note",
        name,
        f"{counted(count, 'case')} of {name} ({share(count, total)}).",
        "Its sensitivity and AUROC rest on few cases, so their intervals are wide, and each fold has only a handful."
        if count < FEW
        else "Accuracy hardly counts it.",
        "Join it to another class, add cases, or read the intervals; class_weights: balanced lets it count the same.",
    )


def _known(data: Checked) -> dict[str, int]:
    targets = data.task.targets(data.cases)
    known = (~np.isnan(targets)).sum(axis=0)
    return {name: int(known[place if not data.exclusive else 0]) for place, name in enumerate(data.task.labels)}


def _unlabelled(data: Checked) -> Iterator[Finding]:
    reports, values, rules = data.raw_tables.reports, data.raw_tables.values, data.rules.labels
    if any(rule.column not in values for rule in rules if rule.column):
        return
    fits = pd.concat([fitting(reports, values, rule) for rule in rules], axis=1)
    has = (fits == 1).any(axis=1) if data.exclusive else fits.notna().any(axis=1)
    without = ~has.fillna(False).to_numpy(bool)
    if not without.any():
        return
    words = _words_of(reports[without], values, rules)
    said = ", ".join(f"{word or 'nothing'} ({count:,})" for word, count in words.iloc[:12].items())
    more = f" and {len(words) - 12:,} more words" if len(words) > 12 else ""
    yield Finding(
        "note",
        "unlabelled",
        f"{without.sum():,} of {counted(len(reports), 'row')} have no label of the study. They say: {said}{more}.",
        "All models exclude them. If they differ from the others, the scores hold only for those with a label.",
        "If some of these words mean a class, add them to its rule in filter.labels.",
    )
    if alike := _spelled_otherwise(words, rules):
        yield Finding(
            "warning",
            "spelling",
            f"Words that differ from those of a rule only in case or spaces: {listed(alike)}.",
            "Rows with these words are excluded.",
            "Add them to `positive` or `negative` of their rule in filter.labels; case counts.",
        )


def _words_of(reports: pd.DataFrame, values: pd.DataFrame, rules: list[LabelRule]) -> pd.Series:
    """The words from which labels are read, with their counts in some reports."""
    columns = list(dict.fromkeys(rule.column for rule in rules))
    found = []
    for column in columns:
        if column is None:
            found.append(reports["major"].str.split("; ").explode().str.split("/").str[0])
        else:
            words = reports["report_id"].map(values.set_index("report_id")[column]).fillna("")
            found.append(words if len(columns) == 1 else f"{column} " + words.replace("", "nothing"))
    return pd.concat(found).value_counts()


def _spelled_otherwise(words: pd.Series, rules: list[LabelRule]) -> list[str]:
    known = {word for rule in rules if rule.column for word in [*(rule.positive or []), *(rule.negative or [])]}
    plain = set(map(_plain, known))
    return [f"{word} ({words[word]:,})" for word in words.index if word not in known and _plain(word) in plain]


def _plain(word: str) -> str:
    return "".join(word.lower().split())

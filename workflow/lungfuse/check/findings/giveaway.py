"""Columns, words and texts that give the label away."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding
from lungfuse.check.univariate import PureWord, pure_words
from lungfuse.check.words import Words, naming, predictive, pure_in, whole_text, words_of
from lungfuse.ingest.labels import headings_of
from lungfuse.words import counted, joined, listed, share

STRONG, GOOD = 0.85, 0.7  # AUROC of a column by itself
TEXT_STRONG, TEXT_GOOD = 0.9, 0.75
SOME = 0.01  # of the cases
EXCLUDED = 20  # cases that would have a word by chance, where none has it
LATE = "If it is known only after the diagnosis, or was written down with it, no new case has it"


def findings(data: Checked) -> Iterator[Finding]:
    if not data.has_classes:
        return
    for column in data.values:
        yield from _column(data, column)
    for section in data.texts:
        yield from _text(data, section)


def _column(data: Checked, column: str) -> Iterator[Finding]:
    values, kind = data.values[column], data.kinds[column]
    if values.nunique() < 2:
        return
    read = column in data.read("structured")
    label, auroc = data.score("column", column, values, kind).best()
    pure = [word for word in _pure(data, column) if word.n >= SOME * len(data.cases)]
    excluding = _excluding(data, column)
    gives_away = auroc >= data.settings.leak_auroc
    stands = any(word.n >= data.settings.leak_min_share * len(data.cases) for word in pure)
    if auroc < GOOD and not pure and not excluding:
        return
    severity = "note"
    if read:
        severity = "stop" if gives_away or stands else "warning" if auroc >= STRONG or pure or excluding else "note"
    said = [f"{word.word} ({_of_cases(word.n, data)}, all {word.label})" for word in pure]
    found = f"The column {column} alone predicts {label} with AUROC {auroc:.2f}" if auroc > 0.5 else f"In {column}"
    if pure:
        found += f"{', and ' if auroc > 0.5 else ' '}these values occur in one class only: {listed(said)}"
    found += f"{'; ' if auroc > 0.5 or pure else ', '}{'; '.join(excluding)}." if excluding else "."
    yield Finding(
        severity,
        column,
        found,
        ("It may be a fair predictor. " if severity == "note" else "")
        + f"{LATE}, and models that use it seem better than they are."
        if read
        else "No model uses it, so no score is inflated by it.",
        "Ask when it is known. Remove it from the models, or keep it if it is known before the question is asked."
        if read
        else "Use it in no model unless it is known before the question is asked.",
    )


def _pure(data: Checked, column: str) -> list[PureWord]:
    """The words of a category that occur in one class only, or for a label that all cases with them have."""
    values, groups = data.values[column], data.cases["group"]
    if data.kinds[column] != "category":
        return []
    if data.exclusive:
        return pure_words(values, data.words, groups)
    found = []
    for name, known in zip(data.outcomes.names, data.outcomes.values.T, strict=True):
        labels = pd.Series(np.where(np.isnan(known), "", np.where(known == 1, name, f"not {name}")))
        found += [word for word in pure_words(values, labels, groups) if word.label == name]
    return found


def _excluding(data: Checked, column: str) -> list[str]:
    """What is said of the words of a category that no case of some classes has, though many would have by chance."""
    if data.kinds[column] != "category" or not data.exclusive:
        return []
    values, said = data.values[column], []
    for word in sorted(set(values) - {""}):
        has = (values == word).to_numpy()
        expected = {label: has.mean() * of_class.sum() for label, of_class in data.of_class.items()}
        absent = [label for label, of_class in data.of_class.items() if not (has & of_class).any()]
        chance = sum(expected[label] for label in absent)
        if chance * data.outcomes.independent >= EXCLUDED and len(absent) < len(expected) - 1:
            cases = sum(int(data.of_class[label].sum()) for label in absent)
            said.append(f"none of the {counted(cases, 'case')} of {joined(absent)} has {word} ({chance:.0f} by chance)")
    return said


def _of_cases(number: int, data: Checked) -> str:
    return f"{counted(number, 'case')}, {share(number, len(data.cases))}"


def _text(data: Checked, section: str) -> Iterator[Finding]:
    texts, read = data.texts[section], section in data.read("text")
    score = whole_text(texts.to_numpy(object), data.outcomes)
    label, auroc = "", 0.5
    if score is not None:
        data.note("text", section, score)
        label, auroc = score.best()
    if auroc >= TEXT_GOOD:
        yield Finding(
            "warning" if read and auroc >= TEXT_STRONG else "note",
            section,
            f"The words of {section} alone predict {label} with AUROC {auroc:.2f} (TF-IDF).",
            "If it was written by someone who knew the label, a model that uses it repeats the label."
            if read
            else "No model uses it.",
            "Ask who wrote it, and when. Compare models of a text written before, such as the indication.",
        )
    words = words_of(texts.tolist(), data.outcomes.groups)
    if words is not None:
        yield from _words(data, section, words, read)


def _words(data: Checked, section: str, words: Words, read: bool) -> Iterator[Finding]:
    total = int((data.texts[section] != "").sum())
    if (best := predictive(words, data.outcomes)) is not None:
        data.note("word", f"{section}: {best[0]}", best[1])
    named = naming(words, data.outcomes, _said_of_labels(data))
    if named and sum(each.n for each in named) >= SOME * total:
        said = [f"{each.word} ({each.own:.0%} of {each.label}, else {each.others:.0%})" for each in named]
        yield Finding(
            "warning" if read else "note",
            f"{section}: names of labels",
            f"Texts of {section} have words that name a label or an outcome, and predict it: {listed(said, 8)}.",
            "Such a word may state the label, so that a model that uses it has nothing left to predict."
            if read
            else "No model uses the section.",
            "Read some of these texts. Leave the section out, or list the words under shortcuts.words to have models "
            "scored without them.",
        )
    pure = pure_in(words, data.outcomes)
    if pure:
        other = {f"not {data.task.labels[-1]}": data.task.labels[0]} if data.task.two_classes else {}
        said = [f"{word} ({number:,} texts, all {other.get(label, label)})" for word, label, number in pure]
        yield Finding(
            "warning" if read and pure[0][2] >= SOME * total else "note",
            f"{section}: words of one class",
            f"{counted(len(pure), 'word')} of {section} occur{'s' if len(pure) == 1 else ''} in one class only: "
            f"{listed(said, 8)}.",
            "A word that names the label, or the source of a text, predicts the label by itself.",
            "See whether these words describe the case or its source.",
        )


def _said_of_labels(data: Checked) -> dict[str, list[str]]:
    """By label, its name, its column and the words of its rule."""
    return {
        rule.name: [rule.name, *(headings_of(rule) if rule.column is None else [rule.column, *(rule.positive or [])])]
        for rule in data.rules.labels
    }

"""Predictions against what is known of their cases."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import DegenerateDataWarning

from lungfuse.compare.scores import score_with_intervals
from lungfuse.errors import UserError
from lungfuse.ingest.labels import fits_word
from lungfuse.settings.table import ClassWords
from lungfuse.tasks import Task
from lungfuse.vocabulary import NO, YES, is_unknown

GROUPS = ["group", "patient"]  # the first of these columns that a table has
CONFIDENCE, RESAMPLES, SEED = 0.95, 5000, 0


def read_truth(
    cases: pd.DataFrame, truth: str, task: Task, source: Path, classes: dict[str, ClassWords] | None = None
) -> pd.DataFrame:
    """The true labels of each case in the columns of a task, NaN where nobody knows them, and its `group`.

    The column `truth` holds numbers where the task asks for one. Else it names classes, by the words of `classes` that
    the study read, by their names, or by their numbers from 0; of several labels a case, the columns <truth>_<label>
    hold 1 or 0, or, where one column held them all, or each its own, these hold the words of the study. A case without
    a group is one of its own.

    Raises:
        UserError: there is no such column, or it holds something else, or fewer than two groups have a label.
    """
    names = [truth + column.removeprefix("label") for column in task.columns("label")]
    known_words = [classes[label] for label in task.labels] if classes and {*task.labels} <= {*classes} else []
    if len(names) > 1 and known_words and not {*names} <= {*cases}:
        names = _as_in_study(truth, known_words, names)
    if missing := [name for name in names if name not in cases]:
        raise UserError(
            f"{source}: no column {', '.join(missing)}; found {', '.join(cases)}. Name "
            f"{'one of them' if names == [truth] else 'what precedes _<label> in theirs'} with --truth."
        )
    own = "case " + cases["id"]
    by = next((name for name in GROUPS if name in cases), None)
    groups = own if by is None else cases[by].where(cases[by].str.strip() != "", own)
    if task.numbers:
        labels = [_numbers_in(cases[truth], f"{source}: column {truth}")]
    elif len(names) == 1:
        words = _words_of_classes(known_words, cases[truth]) if known_words else {}
        labels = [_numbers(cases, truth, task.labels, source, words)]
    else:
        words = [_words_of_label(each, cases[name]) for each, name in zip(known_words, names, strict=bool(known_words))]
        each_words = words or [{}] * len(names)
        labels = [_numbers(cases, name, [], source, of) for name, of in zip(names, each_words, strict=True)]
    known = pd.DataFrame(dict(zip(task.columns("label"), labels, strict=True))).assign(group=groups)
    if known["group"][_is_known(known, task)].nunique() < 2:
        raise UserError(
            f"{source}: column {', '.join(names)}: has the class of fewer than two {by or 'case'}s, expected more "
            "for intervals. Fill the column, or leave --truth out."
        )
    return known


def scores_of(task: Task, known: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """One row a metric: value, low and high, NaN where one class is absent, and n, the cases whose class is known.

    `scores` has the score columns of the task, in the order of what is `known`.
    """
    scored = of_known(task, known, scores)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)  # of what one class does not define
        found = score_with_intervals(task, scored, CONFIDENCE, RESAMPLES, SEED)
    table = pd.DataFrame(found, index=["value", "low", "high"]).T.rename_axis("metric").reset_index()
    return table.assign(n=len(scored), groups=scored["group"].nunique())


def of_known(task: Task, known: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """The cases with a label that is known, with their scores and predictions, as one fold of one training."""
    predictions = pd.DataFrame(task.decide(scores.to_numpy()), scores.index, task.columns("prediction"))
    joined = known.join(scores).join(predictions).assign(repeat=0, fold=0)
    return joined[_is_known(joined, task)]


def _as_in_study(truth: str, words: list[ClassWords], names: list[str]) -> list[str]:
    """The headings of labels in the table of the study, where `truth` is one of them."""
    headings = [each.column for each in words]
    return headings if truth in headings else names


def _words_of_classes(classes: list[ClassWords], cells: pd.Series) -> dict[str, int | None]:
    """What each cell means that is a word of the study, by the number of its class; None for one it left out."""
    found: dict[str, int | None] = {}
    for cell in cells.unique():
        fits = [
            number
            for number, each in enumerate(classes)
            if fits_word(cell, each.positive, each.negative, each.between) == 1
        ]
        if len(fits) == 1:
            found[cell.casefold()] = fits[0]
    return found


def _words_of_label(label: ClassWords, cells: pd.Series) -> dict[str, int | None]:
    found = {cell: fits_word(cell, label.positive, label.negative, label.between) for cell in cells.unique()}
    return {cell.casefold(): value for cell, value in found.items() if value is not None}


def _numbers_in(cells: pd.Series, place: str) -> pd.Series:
    """The numbers of a column, NaN where it is empty or says that nobody knows."""
    said = cells.astype(str).str.strip()
    unknown = (said == "") | said.map(is_unknown)
    found = pd.to_numeric(said.mask(unknown), errors="coerce").astype(float)
    if (wrong := said[found.isna() & ~unknown]).any():
        raise UserError(f"{place}: found {wrong.iloc[0]!r}, expected a number. Correct the cell, or leave it empty.")
    return found


def _numbers(
    cases: pd.DataFrame, column: str, labels: list[str], source: Path, words: dict[str, int | None] | None = None
) -> pd.Series:
    """A column of names or numbers of `labels`, or of 0 and 1 where there are none, as numbers, NaN where empty.

    `words` are those that the study gives them by.
    """
    said = cases[column].astype(str).str.strip().str.casefold()
    words, given = words or {}, set(said) - {""}
    meaning = words if given <= {*words} else _meaning(given, labels, f"{source}: column {column}") | words
    if len(labels) <= 2:
        meaning = {**dict.fromkeys(map(str.casefold, NO), 0), **dict.fromkeys(map(str.casefold, YES), 1), **meaning}
    found = said.map({"": np.nan} | meaning).astype(float).mask(said.map(is_unknown) & ~said.isin([*meaning]))
    wrong = cases[column][found.isna() & (said != "") & ~said.map(is_unknown)]
    if len(wrong):
        numbers = [str(number) for number in range(len(labels) or 2)]
        expected = dict.fromkeys([*labels, *numbers, *(words or [])])
        raise UserError(
            f"{source}: column {column}: found {wrong.iloc[0]!r} for case {cases['id'][wrong.index[0]]!r} "
            f"({len(wrong):,} such values), expected {', '.join(expected)}, or nothing."
        )
    return found


def _meaning(words: set[str], labels: list[str], place: str) -> dict[str, int]:
    """The number of the class that a word stands for, by its name or its number, whichever all of the words are.

    Raises:
        UserError: a word is the name of one class and the number of another, and both may be meant.
    """
    numbers = {str(number): number for number in range(len(labels) or 2)}
    names = {label.casefold(): number for number, label in enumerate(labels)}
    of_both = sorted(word for word in words & set(numbers) & set(names) if numbers[word] != names[word])
    if of_both and (words <= set(names)) == (words <= set(numbers)):
        word = of_both[0]
        raise UserError(
            f"{place}: found {word!r}, which is the name of a class and the number, from 0, of the class "
            f"{labels[numbers[word]]!r}; expected words that can be only one of them. Have a case of each class in the "
            f"column: {', '.join(labels)}, or {', '.join(numbers)}."
        )
    if of_both:
        return names if words <= set(names) else numbers
    return numbers | names


def _is_known(frame: pd.DataFrame, task: Task) -> pd.Series:
    """Which cases have a label that is known."""
    return frame[task.columns("label")].notna().any(axis=1)

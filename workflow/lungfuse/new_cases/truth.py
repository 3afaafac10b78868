"""Predictions against what is known of their cases."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import DegenerateDataWarning

from lungfuse.compare.scores import score_with_intervals
from lungfuse.errors import UserError
from lungfuse.tasks import Task

GROUPS = ["group", "patient"]  # the first of these columns that a table has
CONFIDENCE, RESAMPLES, SEED = 0.95, 5000, 0


def read_truth(cases: pd.DataFrame, truth: str, task: Task, source: Path) -> pd.DataFrame:
    """The true labels of each case in the columns of a task, NaN where nobody knows them, and its `group`.

    The column `truth` names classes, or their numbers from 0; of several labels a case, the columns <truth>_<label>
    hold 1 or 0. A case without a group is one of its own.

    Raises:
        UserError: there is no such column, or it holds something else, or fewer than two groups have a label.
    """
    names = [truth + column.removeprefix("label") for column in task.columns("label")]
    if missing := [name for name in names if name not in cases]:
        raise UserError(
            f"{source}: no column {', '.join(missing)}; found {', '.join(cases)}. Name "
            f"{'one of them' if names == [truth] else 'what stands before _<label> in theirs'} with --truth."
        )
    own = "case " + cases["id"]
    by = next((name for name in GROUPS if name in cases), None)
    groups = own if by is None else cases[by].where(cases[by].str.strip() != "", own)
    expected = task.labels if names == [truth] else []
    labels = [_numbers(cases, name, expected, source) for name in names]
    known = pd.DataFrame(dict(zip(task.columns("label"), labels, strict=True))).assign(group=groups)
    if known["group"][_is_known(known, task)].nunique() < 2:
        raise UserError(
            f"{source}: column {', '.join(names)}: tells the class of fewer than two {by or 'case'}s, expected more "
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


def _numbers(cases: pd.DataFrame, column: str, labels: list[str], source: Path) -> pd.Series:
    """A column of names or numbers of `labels`, or of 0 and 1 where there are none, as numbers, NaN where empty."""
    said = cases[column].astype(str).str.strip().str.casefold()
    meaning = _meaning(set(said) - {""}, labels, f"{source}: column {column}")
    found = said.map({"": np.nan} | meaning).astype(float)
    wrong = cases[column][found.isna() & (said != "")]
    if len(wrong):
        numbers = [str(number) for number in range(len(labels) or 2)]
        raise UserError(
            f"{source}: column {column}: found {wrong.iloc[0]!r} for case {cases['id'][wrong.index[0]]!r} "
            f"({len(wrong):,} such values), expected {', '.join([*labels, *numbers])}, or nothing."
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

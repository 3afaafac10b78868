"""The labels of reports, by the rules of a study: headings, or the words of a column."""

import re

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.settings.ingest import LabelRule
from lungfuse.tasks import Task
from lungfuse.words import joined, listed

SHOWN = 8  # words of a message


def with_labels(
    reports: pd.DataFrame, values: pd.DataFrame, task: Task, rules: list[LabelRule]
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """The reports that have a label, with the label columns of the task; as rows of `Rejected` those that lack one.

    Where a task has one label column, its classes exclude each other: a report that fits several is left out and named,
    one that fits none is not of the study. Else a label is 1, 0 or unknown, and a report without a known one is named,
    as is one without a number in the range that is asked for.
    """
    if rules[0].range is not None:
        return _with_numbers(reports, values, rules[0])
    fits = pd.concat([fitting(reports, values, rule) for rule in rules], axis=1, keys=range(len(rules)))
    columns = task.columns("label")
    if len(columns) > 1:
        known = fits.notna().any(axis=1)
        unknown = [("report", report_id, "has no label that is known") for report_id in reports["report_id"][~known]]
        return reports.join(fits.set_axis(columns, axis=1))[known], unknown
    fits = fits.fillna(0).astype(int)
    several = fits.sum(axis=1) > 1
    what = "both classes" if len(rules) == 2 else "several classes"
    ambiguous = [
        ("report", report_id, f"fits {what}, {joined([rules[n].name for n in fits.columns[fit == 1]])}")
        for report_id, (_, fit) in zip(reports["report_id"][several], fits[several].iterrows(), strict=True)
    ]
    return reports.assign(**{columns[0]: fits.to_numpy().argmax(axis=1)})[fits.sum(axis=1) == 1], ambiguous


def _with_numbers(
    reports: pd.DataFrame, values: pd.DataFrame, rule: LabelRule
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    numbers = numbers_of(reports, values, rule.column)
    low, high = rule.range
    fits = numbers.between(low, high)
    left_out = [
        ("report", name, f"has no number in {rule.column}")
        if np.isnan(number)
        else ("report", name, f"is {number:g} in {rule.column}, outside the range of {low:g} to {high:g}")
        for name, number in zip(reports["report_id"][~fits], numbers[~fits], strict=True)
    ]
    return reports.assign(label=numbers)[fits], left_out


def numbers_of(reports: pd.DataFrame, values: pd.DataFrame, column: str) -> pd.Series:
    """The numbers of a column for each report, NaN where it has none."""
    return pd.to_numeric(_words(reports, values, column), errors="coerce").astype(float)


def balanced(reports: pd.DataFrame, how: str, seed: int, classes: int) -> pd.DataFrame:
    """As many reports of each class as the smallest has: the first ones, or those that the seed draws; all for none."""
    if how == "none":
        return reports
    count = reports["label"].value_counts().reindex(range(classes), fill_value=0).min()
    by_label = reports.groupby("label")
    chosen = by_label.head(count) if how == "first" else by_label.sample(count, random_state=seed)
    return chosen.sort_index()


def described(labelled: pd.DataFrame, task: Task) -> pd.Series:
    """What each row of a table with label columns is, in words."""
    columns = task.columns("label")
    if task.numbers:
        return "it is " + labelled[columns[0]].map("{:g}".format).astype(str)
    if len(columns) == 1:
        return "it is " + labelled[columns[0]].map(dict(enumerate(task.labels)))
    had = labelled[columns].fillna(0).astype(int).set_axis(task.labels, axis=1)
    return had.apply(lambda row: f"its labels: {', '.join(row.index[row == 1]) or 'none'}", axis=1).astype(str)


def class_counts(labelled: pd.DataFrame, task: Task) -> dict[str, int]:
    """How many rows are of each class or have each label, as the table `Funnel` names them."""
    columns = task.columns("label")
    if not class_names(task):
        return {}
    if len(columns) > 1:
        return {label: int((labelled[column] == 1).sum()) for label, column in zip(task.labels, columns, strict=True)}
    counts = [int((labelled[columns[0]] == number).sum()) for number in range(len(task.labels))]
    return dict(zip(class_names(task), counts, strict=True))


def class_names(task: Task) -> list[str]:
    """The columns of the table `Funnel` that count classes or labels; none of numbers."""
    if task.numbers:
        return []
    return ["negative", "positive"] if task.two_classes else task.labels


def fitting(reports: pd.DataFrame, values: pd.DataFrame, rule: LabelRule) -> pd.Series:
    """Whether each report fits a rule: 1, 0, or missing where that is not known."""
    if rule.column is None:
        return matches(reports["major"], rule).astype("Int64").mask(reports["major"].str.strip() == "")
    if rule.range is not None:
        numbers = numbers_of(reports, values, rule.column)
        return numbers.between(*rule.range).astype("Int64").mask(numbers.isna())
    words = _words(reports, values, rule.column)
    known = {word: fits_word(word, rule.positive, rule.negative, rule.between) for word in words.unique()}
    return words.map(known).astype("Int64")


def fits_word(word: str, positive: list[str], negative: list[str] | None, between: str | None) -> int | None:
    """Whether a cell gives a label, 1, or takes it, 0, or leaves it unknown."""
    parts = parts_of(word, between) if between else [word]
    if any(part in positive for part in parts):
        return 1
    taken = any(part in negative for part in parts) if negative else any(parts)
    return 0 if taken else None


def parts_of(cell: str, between: str) -> list[str]:
    """The words of a cell such as A|B or ['a', 'b '], without brackets, quotes and spaces around."""
    inner = cell.strip().removeprefix("[").removesuffix("]")
    return [part for each in inner.split(between) if (part := each.strip().strip("'\"").strip())]


def headings_of(rule: LabelRule) -> list[str]:
    """The headings of which a case has one or more, where a rule names headings."""
    return [rule.heading] if isinstance(rule.heading, str) else rule.heading


def matches(headings: pd.Series, rule: LabelRule) -> pd.Series:
    """Whether any of the '; '-joined headings fits the rule by its part before the first '/'; case matters."""
    return terms_fitting(heading_terms(headings), rule).groupby(level=0).any().reindex(headings.index)


def terms_fitting(terms: pd.Series, rule: LabelRule) -> pd.Series:
    """Whether each heading, see `heading_terms`, fits the rule."""
    part = "|".join(map(re.escape, headings_of(rule)))
    return terms.str.contains(part) if rule.match == "contains" else terms.isin(headings_of(rule))


def check_rules(reports: pd.DataFrame, values: pd.DataFrame, rules: list[LabelRule]) -> None:
    """Raise UserError when there are reports, but none of them fits one of the rules, or its column is not there."""
    for rule in rules:
        if rule.column is not None and rule.column not in values:
            known = ", ".join(name for name in values if name != "report_id") or "none"
            raise UserError(
                f"filter.labels: {rule.name!r} is read from the column {rule.column}, but the dataset's COLUMNS are "
                f"{known}. Name one of them, or declare it in the dataset module."
            )
        if len(reports) and not (fitting(reports, values, rule) == 1).any():
            raise UserError(f"filter.labels: no report is {rule.name!r}, {_why(reports, values, rule)}. Case counts.")


def counted(words: pd.Series) -> str:
    """The most frequent words with their counts."""
    counts = words.value_counts()
    return listed([f"{word!r} ({count:,})" for word, count in counts.items()], SHOWN)


def _why(reports: pd.DataFrame, values: pd.DataFrame, rule: LabelRule) -> str:
    if rule.column is None:
        return (
            f"for no heading {rule.match} {' or '.join(map(repr, headings_of(rule)))}. Those of {len(reports):,} "
            f"reports are, up to a '/', {counted(heading_terms(reports['major']))}"
        )
    if rule.range is not None:
        low, high = rule.range
        looked = f"a number from {low:g} to {high:g}"
    else:
        looked = " or ".join(map(repr, rule.positive))
    return (
        f"for no value of the column {rule.column} is {looked}. Those of "
        f"{len(reports):,} reports are {counted(_words(reports, values, rule.column))}"
    )


def _words(reports: pd.DataFrame, values: pd.DataFrame, column: str) -> pd.Series:
    """The values of a column for each report, empty where it has none."""
    return reports["report_id"].map(values.set_index("report_id")[column]).fillna("").astype(str)


def heading_terms(headings: pd.Series) -> pd.Series:
    """Each of the '; '-joined headings up to its first '/', under the index of its report."""
    return headings.str.split("; ").explode().str.split("/").str[0].str.strip()

"""Which rows of a table are no cases of a study, and why: each is counted once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from lungfuse.ingest.filter import FilterInputs
from lungfuse.ingest.labels import with_labels
from lungfuse.settings.study import Study
from lungfuse.tasks import Task
from lungfuse.words import joined, listed

SHOWN = 4


def left_out(
    study: Study,
    task: Task,
    read: FilterInputs,
    pairs: pd.DataFrame,
    again: set[str],
    unknown: Mapping[str, Sequence[str]],
) -> dict[str, int]:
    """The number of reports that are in no pair, by the first reason that holds of each.

    `again` are those that name only images that another row names, `unknown` the words of label columns that stand for
    nothing.
    """
    reports, values = read.reports, read.values
    left = reports[~reports["report_id"].isin(pairs["report_id"])]
    labelled = with_labels(reports, values, task, study.filter.labels)[0]["report_id"]
    found: dict[str, int] = {}
    for reason, ids in _reasons(study, left, {*labelled}, read, again):
        here = left["report_id"].isin(ids)
        if here.any():
            found[_with_words(reason, left[here], values, study, unknown)] = int(here.sum())
        left = left[~here]
    return found | ({"lack what a case needs": len(left)} if len(left) else {})


def _reasons(
    study: Study, left: pd.DataFrame, labelled: set[str], read: FilterInputs, again: set[str]
) -> Iterator[tuple[str, set[str]]]:
    ids, views, readable = {*left["report_id"]}, read.views, read.readable
    yield "have no label that is known", ids - labelled
    wanted = views["view"].isin(study.views)
    seen = {*views["report_id"][wanted]}
    if readable is not None:
        others = views[~views["report_id"].isin(seen)]
        yield (
            f"show no image of the view {' or '.join(study.views)}{_counted(others['view'])}",
            {*others["report_id"]},
        )
        gone = views["report_id"][wanted & ~views["image_id"].isin(readable)]
        yield "name an image that is not there", {*gone}
        yield "name an image that another row names", again
        yield "name no image", ids - {*views["report_id"]}
    if study.filter.text_fields and "text" in study.modalities:
        section = study.filter.text_fields[0]
        yield f"have no {section}", {*left["report_id"][left[section] == ""]}


def _with_words(
    reason: str, left: pd.DataFrame, values: pd.DataFrame, study: Study, unknown: Mapping[str, Sequence[str]]
) -> str:
    """A reason of labels with the words of the column that rows were left out for."""
    columns = {rule.column for rule in study.filter.labels}
    if reason != "have no label that is known" or len(columns) != 1:
        return reason
    column = columns.pop()
    words = values.set_index("report_id")[column].reindex(left["report_id"])
    empty = joined(["empty", *map(repr, unknown.get(column, ()))], "or")
    return reason + _counted(words.mask(words == "", empty))


def _counted(words: pd.Series) -> str:
    """The most frequent words with their counts, in brackets."""
    counts = Counter(words).most_common()
    return f" ({listed([f'{word} {count:,}' for word, count in counts], SHOWN)})" if counts else ""

"""The data check of a study: what is unusual about its cases, and which single inputs predict the label."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from lungfuse.check.checked import Checked, RawTables
from lungfuse.check.finding import table_of
from lungfuse.check.findings import finding_names, load_findings
from lungfuse.check.text import as_page, for_terminal
from lungfuse.duplicates.pictures import Pictures, look_at
from lungfuse.files import atomic_write, read_array
from lungfuse.ingest.several_images import ids_of
from lungfuse.parameters import Heading, options
from lungfuse.settings.check import CheckLimits
from lungfuse.settings.ingest import FilterSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.check import CheckedCases, Findings, UnivariateAUROC
from lungfuse.tables.ingest import Candidates, Columns, Funnel, ImageIndex, Rejected, Reports, Values, Views
from lungfuse.tasks import load_task

TERMINAL = "LUNGFUSE_TERMINAL"  # variable with the path of what shows a progress bar, where standard error does not
MANY = 20_000  # cases, from which on threads gain more than they cost
OF_REPORTS = ["patient", "date"]
OF_VIEWS = ["view", "projection"]


@options
class Asked:
    """What the study asks, and what its rows read.

    Parameters
    ----------
    task
        What is asked of a case: binary, multiclass or multilabel.
    filter
        The rules of selection.
    reads
        By modality what rows of the study read: kinds of images, sections, structured columns.
    folds
        Number of folds.
    """

    task: str
    filter: FilterSettings
    reads: dict[str, list[str]]
    folds: int


@options
class Files:
    """What is checked.

    Parameters
    ----------
    candidates
        Table of candidate pairs.
    reports
        Table of reports.
    views
        Table of the images that reports name.
    values
        Table of the structured values of reports.
    value_columns
        Table of the structured columns of reports.
    funnel
        Table of what was left after each filter.
    rejected
        Table of what was rejected.
    array
        Image array, where the study has images.
    index
        Its index.
    """

    candidates: Path
    reports: Path
    views: Path
    values: Path
    value_columns: Path
    funnel: Path
    rejected: Path
    array: Path | None = None
    index: Path | None = None


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    findings
        Output: the findings, severest first.
    check_scores
        Output: single inputs that predict the label, and how well.
    check_cases
        Output: the cases behind findings.
    check_page
        Output: the check as a page in Markdown.
    """

    findings: Path
    check_scores: Path
    check_cases: Path
    check_page: Path


def main(*, heading: Heading, asked: Asked, limits: CheckLimits, files: Files, outputs: Outputs) -> None:
    """Look at the cases of a study before models are trained. It does not fail by what it finds.

    Parameters
    ----------
    heading
        What stands above the page.
    asked
        What the study asks.
    limits
        From where on a finding stops the study.
    files
        What is checked.
    outputs
        What is written.
    """
    data = read(asked, limits, files)
    limited = threadpool_limits(1 if len(data.cases) < MANY else None)
    with limited, bar(len(finding_names()), "group of findings") as done:
        found = {}
        for name in finding_names():
            found[name] = list(load_findings(name).findings(data))
            done(1)
    table = table_of(found)
    above = f"{heading.title} ({heading.notice})" if heading.notice else heading.title
    write_table(table, outputs.findings, Findings)
    write_table(data.score_table, outputs.check_scores, UnivariateAUROC)
    write_table(data.detail_table, outputs.check_cases, CheckedCases)
    with atomic_write(outputs.check_page) as stream:
        stream.write(as_page(table, data.score_table, above))
    print(for_terminal(table, above))


def read(asked: Asked, thresholds: CheckLimits, files: Files) -> Checked:
    """The study as findings look at it; its images are looked at once."""
    raw_tables = RawTables(
        read_table(files.reports, Reports),
        read_table(files.views, Views),
        read_table(files.values, Values),
        read_table(files.funnel, Funnel),
        read_table(files.rejected, Rejected),
    )
    index = read_table(files.index, ImageIndex) if files.index else None
    cases = with_origin(read_table(files.candidates, Candidates), raw_tables, index)
    label_columns = {rule.column for rule in asked.filter.labels}
    columns = read_table(files.value_columns, Columns)
    columns = columns[~columns["name"].isin(label_columns)]
    values = raw_tables.values.set_index("report_id")[list(columns["name"])].reindex(cases["report_id"], fill_value="")
    pictures = look(cases, files.array, index) if index is not None and files.array else None
    task, cases = load_task(asked.task, asked.filter.label_names).in_classes(cases)
    return Checked(
        cases=cases,
        values=values.reset_index(drop=True),
        kinds=dict(zip(columns["name"], columns["kind"], strict=True)),
        task=task,
        rules=asked.filter,
        reads=asked.reads,
        folds=asked.folds,
        settings=thresholds,
        raw_tables=raw_tables,
        pictures=pictures,
    )


def with_origin(candidates: pd.DataFrame, raw_tables: RawTables, index: pd.DataFrame | None) -> pd.DataFrame:
    """The candidates with what is known of their reports and images, numbered from 0."""
    of_reports = [name for name in OF_REPORTS if name in raw_tables.reports and name not in candidates]
    of_views = [name for name in OF_VIEWS if name in raw_tables.views]
    reports = raw_tables.reports.set_index("report_id")[of_reports]
    views = raw_tables.views.set_index("image_id")[of_views]
    cases = candidates.reset_index(drop=True).join(reports, on="report_id").join(views, on="image_id")
    cases[of_views] = cases[of_views].fillna("")
    if index is not None:
        cases = cases.join(index.set_index("image_id")[["row", "width", "height"]], on="image_id")
    return cases


def look(cases: pd.DataFrame, array: Path, index: pd.DataFrame) -> Pictures:
    """The images of the cases that have some, each looked at once."""
    rows = ids_of(cases).map(index.set_index("image_id")["row"])
    has = np.flatnonzero(rows.notna())
    with bar(len(has), "image") as done:
        return look_at(read_array(array, len(index)), rows.iloc[has].to_numpy(int), has % len(cases), done)


@contextmanager
def bar(total: int, unit: str) -> Iterator:
    """A progress bar on the terminal, if there is one; gives the function that is called with what is done."""
    with ExitStack() as opened:
        stream = sys.stderr
        if place := os.environ.get(TERMINAL):
            with suppress(OSError):
                stream = opened.enter_context(Path(place).open("w"))
        shown = tqdm(total=total, unit=f" {unit}", desc="data check", file=stream, disable=None, delay=1, leave=False)
        yield opened.enter_context(shown).update

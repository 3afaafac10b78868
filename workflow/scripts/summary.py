"""What a finished run says: its models in a table of at most 100 columns, the verdict, and where to look next.

python workflow/scripts/summary.py demo
"""

import sys
from collections.abc import Sequence

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lungfuse.analyses.verdict import COLOUR_OF_WORD
from lungfuse.compare.page import METRIC_IN_WORDS, p_in_words, reads, short_intervals
from lungfuse.plan.layout import Layout
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.report.document.answer import Verdict as Said
from lungfuse.report.document.answer import answer, verdicts
from lungfuse.settings.params import read_params
from lungfuse.settings.study import Study
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Comparison, Verdict, limits
from lungfuse.tasks import load_task

WIDTH = 100  # columns at most
MOST_MODELS = 30  # of a table in a terminal
SCORE = 14  # characters of a score with its interval
COLUMNS = {"model": 22, "reads": 20}, {"against": 13, "p": 9}  # before the scores and behind them


def main() -> None:
    name, study = load_study(read_params(PARAMS) | {"study": sys.argv[1]})
    show(Console(), study, Layout(name))


def show(console: Console, study: Study, layout: Layout) -> None:
    """Print what a study has found; in colours where the console is a terminal."""
    console.width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    comparison = read_table(layout.table("comparison"), Comparison)
    file = layout.table("verdict")
    verdict = read_table(file, Verdict) if file.exists() else None
    console.print(models(comparison, load_task(study.task, study.labels).headline[::-1]))
    if (left := len(comparison) - MOST_MODELS) > 0:
        console.print(f"and {left} more in {layout.comparison_page}")
    if study.notice:
        console.print(Text(study.notice.capitalize() + ".", "bold yellow"))
    console.print(Text(answer(verdict, comparison, study), "bold"))
    for each in [] if verdict is None else verdicts(verdict, study):
        console.print(in_words(each))
    console.print(Text.assemble("Look next at ", (str(layout.report), "underline"), " (the report), ",
                                str(layout.comparison_page), " and ", str(layout.workflow_report), "."))  # fmt: skip


def models(comparison: pd.DataFrame, shown: Sequence[str] = ("auroc", "accuracy")) -> Table:
    """The best models of a comparison, by the first of the scores that are shown."""
    best = comparison.sort_values(shown[0], ascending=False, kind="stable").head(MOST_MODELS)
    table = Table(box=None, pad_edge=False, header_style="bold")
    before, behind = COLUMNS
    headings = before | {METRIC_IN_WORDS[metric]: SCORE for metric in shown} | behind
    for heading, most in headings.items():
        table.add_column(heading, max_width=most, overflow="ellipsis", no_wrap=True)
    scores = [short_intervals(limits(best, metric)) for metric in shown]
    for row, *values in zip(best.itertuples(), *scores, strict=True):
        p = "" if pd.isna(row.p_corrected) else p_in_words(row.p_corrected)
        table.add_row(*map(Text, [row.row, reads(row), *values, row.reference, p]))
    return table


def in_words(said: Said) -> Text:
    """A verdict with its word in the colour that figures give it."""
    word = f"{said.word}, leak check" if said.leak_check else said.word
    return Text.assemble((word, f"bold {COLOUR_OF_WORD[said.word]}"), f" {said.inputs}: {said.numbers} {said.beware}")


if __name__ == "__main__":
    main()

"""Figures of a study: everything that is drawn from its tables."""

from pathlib import Path

from lungfuse.parameters import Heading, Question, Several, options
from lungfuse.report.comparison import (
    draw_ablations,
    draw_cnns,
    draw_comparison,
    draw_leakage,
    draw_missing,
    draw_per_label,
    draw_segmentation,
    draw_shortcuts,
    draw_sites,
    draw_verdict,
    draw_words,
)
from lungfuse.report.curves import draw_curves, read_histories
from lungfuse.report.data import draw_distributions, draw_funnel
from lungfuse.report.diagnostics import Scored, draw_confusion, draw_roc_calibration
from lungfuse.report.style import heading, inputs_of, row_names, save
from lungfuse.tables.base import read_table
from lungfuse.tables.by_name import read_by_name
from lungfuse.tables.comparison import Comparison
from lungfuse.tables.ingest import Funnel, Pairs
from lungfuse.tables.training import Predictions
from lungfuse.tasks import load_task

DRAW = {
    "segmentation": draw_segmentation,
    "cnn_comparison": draw_cnns,
    "leakage": draw_leakage,
    "per_label": draw_per_label,
    "shortcuts": draw_shortcuts,
    "words": draw_words,
}
DRAW_PRIMARY = {  # the primary metric of rows
    "ablations": draw_ablations,
    "missing": draw_missing,
    "sites": draw_sites,
    "verdict": draw_verdict,
}


@options
class Files:
    """What is drawn.

    Parameters
    ----------
    funnel
        What is left after each filter.
    pairs
        Table of pairs.
    comparison_table
        Models and their scores.
    predictions
        Out-of-fold predictions, one file a row of the comparison, in the same order.
    tables
        Further tables of the study, of those that `lungfuse.tables.OF_SOME_STUDIES` names.
    histories
        Records of the trainings: history.csv of results/<study>/models/<row>/fold<k>/.
    """

    funnel: Path
    pairs: Path
    comparison_table: Path
    predictions: Several[Path]
    tables: Several[Path] = ()
    histories: Several[Path] = ()


def main(
    *,
    study: Heading,
    question: Question,
    files: Files,
    figures: Path,
) -> None:
    """Draw the figures of a study as SVG: those whose table is given.

    Parameters
    ----------
    study
        What stands above.
    question
        What the study asks of a pair.
    files
        What is drawn.
    figures
        Output: folder of the figures.
    """
    above = heading(study.title, study.notice)
    asked = load_task(question.task, question.labels)
    pair_table, comparison = read_table(files.pairs, Pairs), read_table(files.comparison_table, Comparison)
    names, inputs = row_names(comparison), inputs_of(comparison)
    rows = [
        Scored(*row, read_table(path, Predictions)) for *row, path in zip(names, inputs, files.predictions, strict=True)
    ]
    drawn = {
        "funnel": draw_funnel(read_table(files.funnel, Funnel), above),
        "distributions": draw_distributions(pair_table, asked, above),
        "comparison": draw_comparison(comparison, asked, above),
    }
    if len(asked.columns("label")) == 1:
        drawn["confusion"] = draw_confusion(rows, question.labels, above)
    if any(inputs) and asked.two_classes:
        drawn["roc_calibration"] = draw_roc_calibration(rows, above)
    if files.histories:
        drawn["curves"] = draw_curves(read_histories(files.histories), above)
    for name, table in read_by_name(files.tables).items():
        if name in DRAW:
            drawn[name] = DRAW[name](table, above)
        elif name in DRAW_PRIMARY:
            drawn[name] = DRAW_PRIMARY[name](table, asked, above)
    for name, figure in drawn.items():
        save(figure, figures / f"{name}.svg")

"""Figures of a study: everything that is drawn from its tables."""

from pathlib import Path

from lungfuse.parameters import Several
from lungfuse.report.comparison import (
    draw_ablations,
    draw_cnns,
    draw_comparison,
    draw_leakage,
    draw_segmentation,
    draw_shortcuts,
    draw_sites,
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

DRAW = {
    "ablations": draw_ablations,
    "segmentation": draw_segmentation,
    "cnn_comparison": draw_cnns,
    "leakage": draw_leakage,
    "shortcuts": draw_shortcuts,
    "sites": draw_sites,
    "words": draw_words,
}


def main(
    *,
    title: str,
    notice: str,
    labels: Several[str],
    funnel: Path,
    pairs: Path,
    comparison_table: Path,
    predictions: Several[Path],
    tables: Several[Path] = (),
    histories: Several[Path] = (),
    figures: Path,
) -> None:
    """Draw the figures of a study as SVG: those whose table is given.

    Parameters
    ----------
    title
        Name of the study.
    notice
        What every figure of the study has to say.
    labels
        Names of the two classes.
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
    figures
        Output: folder of the figures.
    """
    above = heading(title, notice)
    pair_table, comparison = read_table(pairs, Pairs), read_table(comparison_table, Comparison)
    names, inputs = row_names(comparison), inputs_of(comparison)
    rows = [Scored(*row, read_table(path, Predictions)) for *row, path in zip(names, inputs, predictions, strict=True)]
    drawn = {
        "funnel": draw_funnel(read_table(funnel, Funnel), above),
        "distributions": draw_distributions(pair_table, labels, above),
        "comparison": draw_comparison(comparison, above),
        "confusion": draw_confusion(rows, labels, above),
    }
    if any(inputs):
        drawn["roc_calibration"] = draw_roc_calibration(rows, above)
    if histories:
        drawn["curves"] = draw_curves(read_histories(histories), above)
    drawn |= {name: DRAW[name](table, above) for name, table in read_by_name(tables).items() if name in DRAW}
    for name, figure in drawn.items():
        save(figure, figures / f"{name}.svg")

"""Each label by itself, or each class against the rest."""

import pandas as pd
from matplotlib.figure import Figure

from lungfuse.compare.results import Results
from lungfuse.compare.scores import as_columns
from lungfuse.compare.subsets import scored
from lungfuse.measures import OneAgainstRest
from lungfuse.models.naming import named
from lungfuse.report.forest import LEAST_LINE, MOST_COLUMNS, forest, legend_of_inputs
from lungfuse.report.style import GREY, LEAST_FONT, colours_of_inputs, grid, inputs_of, row_names
from lungfuse.settings.comparison import Intervals
from lungfuse.tables.base import columns
from lungfuse.tables.comparison import PerLabel, limits
from lungfuse.tasks.binary import Task as TwoClasses

TITLE, SECTION, ORDER = "Each label", "Subgroups", 2
CAPTION = (
    "The AUROC of each model on each label, or on each class against the rest, out of fold and within folds, with "
    "intervals; a panel per label, with the number of pairs that have it among those where it is known. "
    "The table has average precision, sensitivity and specificity as well. The dotted line is one half."
)
WANTED = ["classes", "not two_classes"]
READS = ["predicted"]
SETTINGS = ["intervals", "study.seed"]
TABLE = PerLabel
METRICS = ["auroc", "auprc", "sensitivity", "specificity"]


def compute(results: Results, intervals: Intervals, seed: int) -> pd.DataFrame:
    """The table `PerLabel`: each label, or each class against the rest, of each model."""
    task, records = results.task, []
    for name, model, frame in zip(results.names, results.models, results.joined, strict=True):
        arrays = task.targets(frame), task.of("score", frame), task.of("prediction", frame)
        for each in task.one_against_rest(*arrays):
            known, repeats = alone(each, frame), frame["repeat"].nunique()
            record = named(model) | {"row": name, "label": each.name, "n": len(known) // repeats}
            record |= {"positives": int(each.label.sum()) // repeats}
            found = scored(TwoClasses(["rest", each.name]), known, intervals, seed) if len(known) else {}
            records.append(record | as_columns(found, METRICS))
    return pd.DataFrame(records, columns=columns(PerLabel))


def alone(each: OneAgainstRest, joined: pd.DataFrame) -> pd.DataFrame:
    """One label by itself as predictions of two classes, of the pairs where it is known."""
    known = joined.loc[each.known, ["pair_id", "fold", "group", "repeat"]]
    return known.assign(label=each.label, score=each.score, prediction=each.prediction)


def draw(table: pd.DataFrame, above: str) -> Figure:
    """AUROC of each model, a panel a label."""
    labels = table.groupby("label", sort=False)
    rows = labels.size().max()
    figure, panels = grid(above, labels.ngroups, 3, LEAST_LINE * rows + 0.5, sharey=True, sharex=True)
    for panel, (name, of_label) in zip(panels, labels, strict=True):
        colours = [colours_of_inputs()[kind] for kind in inputs_of(of_label)]
        forest(panel, row_names(of_label), limits(of_label, "auroc"), colours)
        panel.tick_params(axis="y", labelsize=LEAST_FONT)
        panel.tick_params(axis="x", labelbottom=True)
        panel.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
        panel.set_title(f"{name}\n{of_label['positives'].iloc[0]} of {of_label['n'].iloc[0]} pairs", fontsize="small")
    handles = legend_of_inputs(inputs_of(table))
    in_line, title = min(len(handles), MOST_COLUMNS), "AUROC, out of fold, of what reads"
    figure.legend(handles=handles, loc="outside lower left", ncols=in_line, title=title, alignment="left")
    return figure

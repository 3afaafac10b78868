"""What the explanations of models are worth: every method and check."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lungfuse.report.style import BLUE, GREY, ORANGE, sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.explanations import ExplanationScores

TITLE, SECTION, ORDER = "Explanation scores", "Disagreements and explanations", 3
CAPTION = (
    "Whether explanations can be trusted, on test cases of different groups: a check passes if the whole interval "
    "of the difference from the best control is above its limit, which was declared in advance. Deletion and "
    "insertion are compared with random orders, places against the area, the centre and random maps, shuffled "
    "weights and agreement between folds and seeds with the maps of other cases, and the relevance of each modality "
    "with its Shapley value. The row modalities compares these values with the loss when each modality is shuffled."
)
WANTED = ["explained"]
READS = ["explained_scores"]
SETTINGS = []
TABLE = ExplanationScores
CHECK = ["modality", "measure", "variant"]
COLOURS = {"passes": BLUE, "undecided": GREY, "fails": ORANGE}
MARKS = {"passes": "o", "undecided": "d", "fails": "x"}


def compute(explained_scores: Sequence[Path]) -> pd.DataFrame:
    """The rows of all models."""
    return pd.concat([read_table(path, ExplanationScores) for path in explained_scores], ignore_index=True)


def draw(table: pd.DataFrame, above: str) -> Figure:
    """A panel a model: methods by checks."""
    models = list(dict.fromkeys(table["model"]))
    table = table.assign(check=[", ".join(filter(None, each)) for each in table[CHECK].to_numpy()])
    checks = list(dict.fromkeys(table["check"]))
    figure, panels = sheet(above, len(models), 1, 0.16 * len(checks) + 0.9)
    for axes, model in zip(panels[:, 0], models, strict=True):
        rows = table[table["model"] == model]
        methods = list(dict.fromkeys(rows["method"]))
        for word, colour in COLOURS.items():
            here = rows[rows["passes"] == word]
            x = np.array([methods.index(each) for each in here["method"]], float)
            y = [checks.index(each) for each in here["check"]]
            axes.plot(x, y, MARKS[word], color=colour, label=word, markersize=5)
        axes.set_xticks(range(len(methods)), methods, rotation=20, ha="right", fontsize="x-small")
        axes.set_yticks(range(len(checks)), checks, fontsize="x-small")
        axes.set(title=model, ylim=(len(checks) - 0.5, -0.5), xlim=(-0.5, len(methods) - 0.5))
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=3)
    return figure

"""Where fusion beats the best of its parts, over all studies whose tables are kept: a table and a figure.

python workflow/scripts/verdict.py

prints the table in Markdown and writes docs/verdict.svg, both from docs/results/<study>/verdict.csv.
"""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lungfuse.analyses.verdict import forest_of_verdicts, shortened, verdict_in_words
from lungfuse.report.forest import LINE
from lungfuse.report.style import STYLE, plt, save
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Verdict, limits, with_limits

KEPT, FIGURE = Path("docs/results"), Path("docs/verdict.svg")
WIDTH = 9.0  # inches of the figure


def main() -> None:
    table = verdicts(KEPT)
    print(in_markdown(table))
    with plt.rc_context(STYLE):
        save(drawn(table), FIGURE)


def verdicts(kept: Path) -> pd.DataFrame:
    """The verdicts of all studies, one below the other, with a column `study`."""
    found = [
        read_table(path, Verdict).assign(study=path.parent.name)
        for path in sorted(kept.glob("*/verdict.csv"), key=lambda path: ("demo" in path.parent.name, path.parent.name))
    ]
    return pd.concat(found, ignore_index=True)


def in_markdown(table: pd.DataFrame) -> str:
    """The table of the README: a row a study and set of inputs."""
    shown = pd.DataFrame({"study": table["study"], "fused": table["inputs"].map(shortened)})
    for row in ["part", "fusion"]:
        values = table[f"{row}_value"].map("{:.3f}".format)
        shown[f"best {row}"] = table[row] + " " + values
    shown["points"] = with_limits(limits(table, "difference") * 100, 1, "+")
    shown["p"] = table["p_corrected"].map(p_in_words)
    shown["fusion"] = verdict_in_words(table)
    shown["cases for 2 points"] = table["cases_for_two_points"].map("{:,}".format, na_action="ignore")
    return shown.to_markdown(index=False, disable_numparse=True)


def drawn(table: pd.DataFrame) -> Figure:
    """The differences with their intervals, a row a study and set of inputs."""
    figure, axes = plt.subplots(figsize=(WIDTH, LINE * len(table) + 0.8), layout="constrained")
    names = [f"{row.study}: {shortened(row.inputs)}" for row in table.itertuples()]
    forest_of_verdicts(axes, names, table, [""] * len(table))
    axes.set_xlabel("best fusion above the best of its parts, points of accuracy or, of many labels, mean AUROC")
    return figure


def p_in_words(p: float) -> str:
    return "< .001" if p < 0.001 else f"{p:.2g}".removeprefix("0")


if __name__ == "__main__":
    main()

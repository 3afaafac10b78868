"""Where fusion beats the best of its parts, over all studies whose tables are kept: a table and a figure.

python workflow/scripts/verdict.py

writes the table in README.md and docs/verdict.svg, both from docs/results/<study>/verdict.csv.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lungfuse.analyses.verdict import forest_of_verdicts, shortened
from lungfuse.compare.page import p_in_words
from lungfuse.report.forest import LINE
from lungfuse.report.style import STYLE, plt, save
from lungfuse.tables.base import columns, read_table
from lungfuse.tables.comparison import Verdict, limits, with_limits

KEPT, FIGURE, README = Path("docs/results"), Path("docs/verdict.svg"), Path("README.md")
MARK = "<!-- python workflow/scripts/verdict.py -->"  # above the table in the README
IN_README = re.compile(rf"(?<={re.escape(MARK)}\n).*?^As one family of [^\n]*$", re.M | re.S)
ALPHA = 0.05
NONE_YET = "No study has been trained under the protocol yet."
WIDTH = 9.0  # inches of the figure
CONTROL = "demo"  # studies whose name starts so are drawn, so that fusion can win
SHOWN_ALONE = {"pad-gaps", "pad-by-image", "dementia-grades", "dementia-score", "openi-age"}  # docs/protocol.md
SHOWN_ALONE |= {"dementia-families", "openi-students", "pad-students"}


def main() -> None:
    table = verdicts(KEPT)
    if table.empty:
        print(NONE_YET)
        return
    README.write_text(in_readme(table, README.read_text(encoding="utf-8")), encoding="utf-8")
    draw(table, FIGURE)
    print(f"{README}, {FIGURE}: {over_all_studies(table)}")


def in_readme(table: pd.DataFrame, text: str) -> str:
    """The README with this table, and what it says over all studies, in place of those it has.

    Raises:
        ValueError: it has none.
    """
    found, count = IN_README.subn(lambda _: f"{in_markdown(table)}\n\n{over_all_studies(table)}", text)
    if not count:
        raise ValueError(f"{README}: no table below '{MARK}'")
    return found


def draw(table: pd.DataFrame, figure: Path) -> None:
    """Save the figure of all verdicts."""
    with plt.rc_context(STYLE):
        save(drawn(table), figure)


def verdicts(kept: Path) -> pd.DataFrame:
    """The verdicts of all studies, one below the other, with a column `study`.

    Those that are not counted follow, and the positive control comes last.
    """
    paths = sorted(kept.glob("*/verdict.csv"), key=lambda path: place_of(path.parent.name))
    tables = [read_table(path, Verdict).assign(study=path.parent.name) for path in paths]
    return pd.concat(tables or [pd.DataFrame(columns=[*columns(Verdict), "study"])], ignore_index=True)


def place_of(study: str) -> tuple[bool, bool, str]:
    return is_control(study), study in SHOWN_ALONE, study


def is_control(study: str) -> bool:
    return study.startswith(CONTROL)


def in_markdown(table: pd.DataFrame) -> str:
    """The table of the README: a row a study and set of inputs."""
    shown = pd.DataFrame({"study": table["study"], "fused": table["inputs"].map(shortened)})
    beaten = table.apply(beaten_nothing, axis=1)
    shown["best part"] = table["part"] + " " + table["part_value"].map("{:.3f}".format) + beaten
    shown["fusion"] = table["fusion_value"].map("{:.3f}".format)
    shown["gain, points"] = with_limits(limits(table, "gain") * 100, 1, "+")
    shown["verdict"] = "**" + table["word"] + "**" + table["leak_check"].map({True: ", a leak check", False: ""})
    shown["verdict"] += not_counted(table)
    shown["P(gain > margin)"] = table["p_margin"].map("{:.2f}".format, na_action="ignore")
    shown["p"] = table["p_corrected"].map(p_in_words)
    shown["groups (effective)"] = table["groups"].astype(str) + table["effective_groups"].map(" ({:.0f})".format)
    return shown.fillna("").to_markdown(index=False, disable_numparse=True)


def not_counted(table: pd.DataFrame) -> pd.Series:
    """Which verdicts the protocol shows alone, in words."""
    return table["study"].isin(SHOWN_ALONE).map({True: ", not counted", False: ""})


def beaten_nothing(row: pd.Series) -> str:
    """Whether the part that a fusion is compared with is not shown to be above the majority, in words."""
    return ", not above majority" if row["part"] in row["not_above_majority"].split() else ""


def over_all_studies(table: pd.DataFrame) -> str:
    """Which verdicts stay where the sets of inputs of all studies are one family (Holm, 1979).

    The control is not counted, nor studies whose verdicts the protocol shows alone.
    """
    counted = ~table["study"].map(is_control) & ~table["study"].isin(SHOWN_ALONE)
    real = table[counted & table["p_corrected"].notna()]
    sure = real[(holm(real["p_corrected"]) < ALPHA) & real["word"].isin(["better", "worse"])]
    named = [f"{row.study}: {shortened(row.inputs)} ({row.word})" for row in sure.itertuples()]
    return f"As one family of {len(real)}, of {real['study'].nunique()} studies: {'; '.join(named) or 'none'}."


def holm(p: pd.Series) -> pd.Series:
    """The p values of a family so corrected that its share of false alarms is kept."""
    ordered = p.sort_values()
    left = np.arange(len(ordered), 0, -1)
    return (ordered * left).cummax().clip(upper=1).reindex(p.index)


def drawn(table: pd.DataFrame) -> Figure:
    """The gains with their intervals, a row a study and set of inputs."""
    figure, axes = plt.subplots(figsize=(WIDTH, LINE * len(table) + 0.8), layout="constrained")
    names = table["study"] + ": " + table["inputs"].map(shortened) + not_counted(table)
    forest_of_verdicts(axes, list(names), table)
    axes.set_xlabel("fusion above the best of its parts, points of AUROC; shaded: the margin")
    return figure


if __name__ == "__main__":
    main()

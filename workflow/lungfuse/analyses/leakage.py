"""What the flaws of the published protocol add to an accuracy: the same pairs and model, one flaw at a time."""

from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from pandera.typing import Series

from lungfuse.compare.leakage import audit
from lungfuse.report.forest import LINE, forest
from lungfuse.report.style import BLACK, BLUE, GREY, LEAST_FONT, ORANGE, grid
from lungfuse.settings.comparison import Intervals, LeakageSettings
from lungfuse.tables.base import Table, columns, read_table
from lungfuse.tables.comparison import limits
from lungfuse.tables.ingest import Pairs, Reports, Views

TITLE, SECTION, ORDER = "Flaws of the published protocol", "Leakage", 1
CAPTION = (
    "How many points each flaw of the published protocol adds to the accuracy of one and the same text model on the "
    "same pairs, over several draws of the folds; a panel per section, with the accuracy without a flaw. Each flaw "
    "has its own control with patients never split across folds. With the flaw, pairs or other views swap folds "
    'with others of their class, so the sizes and classes of the folds do not change. "epoch chosen on the test '
    'part" selects the epoch on the pairs on which it is then reported, its control on another fold; otherwise the '
    "last epoch is used. Black is cumulative: it includes the flaws above. Blue is not a flaw in itself: its "
    "control also keeps pairs with the same section text in one fold, and the gain from texts shared by patients "
    "mixes memory and real signal, because a new patient may well have a known text. Intervals are by bootstrap "
    "over draws and the groups of the control. The model is a logistic regression on TF-IDF of words, trained by "
    "stochastic gradient descent."
)
WANTED = ["study.leakage.sections"]
READS = ["layout.split.pairs", "layout.reports.views", "layout.reports.reports"]
SETTINGS = ["study.leakage", "intervals", "study.split.folds", "study.seed"]
COLOUR_OF_FLAW = {"flaw": ORANGE, "cumulative": BLACK, "shared text": BLUE}


class Leakage(Table):
    """One row a section of the report and a flaw of the protocol, beside a control without it.

    Folds of the `control` have the sizes and classes of those with the flaw; `added` is the accuracy that the flaw
    adds. `kind` is cumulative where a flaw contains others, and shared text where real signal is among what is added.
    Scores are empty where the `note` says why there is no control.
    """

    text: Series[str]
    flaw: Series[str]
    kind: Series[str] = pa.Field(isin=["flaw", "cumulative", "shared text"])
    n: Series[int]
    control: Series[float] = pa.Field(nullable=True)
    control_low: Series[float] = pa.Field(nullable=True)
    control_high: Series[float] = pa.Field(nullable=True)
    accuracy: Series[float] = pa.Field(nullable=True)
    accuracy_low: Series[float] = pa.Field(nullable=True)
    accuracy_high: Series[float] = pa.Field(nullable=True)
    added: Series[float] = pa.Field(nullable=True)
    added_low: Series[float] = pa.Field(nullable=True)
    added_high: Series[float] = pa.Field(nullable=True)
    note: Series[str]


TABLE = Leakage


def compute(
    pairs: Path, views: Path, reports: Path, leakage: LeakageSettings, intervals: Intervals, folds: int, seed: int
) -> pd.DataFrame:
    """A text model under each flaw and its control, on each section of the report."""
    patients = read_table(reports, Reports).set_index("report_id")["patient"]
    patients = patients.where(patients != "", patients.index)  # whose report it is may be unknown
    table = read_table(pairs, Pairs)
    table["patient"] = table["report_id"].map(patients)
    images = read_table(views, Views)
    others = images[images["report_id"].isin(table["report_id"]) & ~images["image_id"].isin(table["image_id"])]
    of_report = table.drop(columns="image_id").drop_duplicates("report_id")
    rows = pd.concat([table.assign(scored=True), others.merge(of_report, on="report_id").assign(scored=False)])
    records = []
    for section in leakage.sections:
        records += audit(rows, section, leakage, intervals, folds, seed)
    return pd.DataFrame(records, columns=columns(Leakage)).round(4)


def draw(table: pd.DataFrame, above: str) -> Figure:
    """Points of accuracy that each flaw adds to its control, a panel a section.

    Where there is no control, the table says why.
    """
    sections = table.groupby("text", sort=False)
    figure, panels = grid(above, sections.ngroups, 3, LINE * sections.size().max() + 0.6, sharey=True, sharex=True)
    for panel, (section, flaws) in zip(panels, sections, strict=True):
        kinds = flaws["kind"].map(lambda kind: "" if kind == "flaw" else f" ({kind})")
        colours = [COLOUR_OF_FLAW[kind] for kind in flaws["kind"]]
        forest(panel, flaws["flaw"] + kinds, limits(flaws, "added") * 100, colours)
        for line, note in enumerate(flaws["note"]):
            if note:
                panel.annotate("no control", (0, line), fontsize=LEAST_FONT, ha="center", va="center", color=GREY)
        panel.axvline(0, color=BLACK, linewidth=0.8)
        controls = flaws["control"].dropna()
        without = f"{controls.iloc[0]:.3f} without" if len(controls) else "no control"
        panel.set_title(f"{section}\n{without}")
    figure.supxlabel("points of accuracy added", fontsize="medium")
    return figure

"""Decision curves: whether deciding by a fusion does more good than deciding by the best of its parts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandera.typing import Series

from lungfuse.compare.probabilities import at_prevalence, calibrated_labels, prevalence_by_label, threshold_of
from lungfuse.compare.results import Results
from lungfuse.compare.scores import as_columns
from lungfuse.compare.shown import fusions_with_parts
from lungfuse.measures import OneAgainstRest
from lungfuse.report.style import BLACK, BLUE, GREY, ORANGE, sheet
from lungfuse.settings.comparison import DecisionSettings, Intervals
from lungfuse.statistics.decisions import decision_quantities, net_benefit
from lungfuse.statistics.grouped import Grouped, interval
from lungfuse.tables.base import Table, columns
from lungfuse.tables.comparison import limits

TITLE, SECTION, ORDER = "Net benefit", "Calibration and net benefit", 3
CAPTION = (
    "Decision curves (Vickers and Elkin 2006). Left: net benefit of decisions by the calibrated probability of a "
    "fusion (blue) and of the best model that uses only some of its inputs (orange, chosen on validation pairs), that "
    "is true positives minus false positives weighted by the odds of the threshold, per 100 pairs. The threshold says "
    "how many false alarms one found case is worth: at 0.2, four. Grey: every pair is called positive; black: none "
    "is. Right: fusion minus part, with intervals by bootstrap over groups and trainings at a few thresholds, each "
    "for itself and not corrected for the others. The prevalence is that of the study's pairs unless "
    "comparison.decision states another. With more than two classes or several labels, each is compared with the "
    "rest, and of the fusions of the same inputs the best on validation pairs is shown. The figure has at most 14 of "
    "them."
)
WANTED = ["classes", "fused_inputs"]
READS = ["predicted"]
SETTINGS = ["intervals", "study.seed", "study.comparison.decision"]
THRESHOLDS = [0.05, 0.1, 0.2, 0.3, 0.5]
CURVE = np.arange(0.01, 0.805, 0.01)
MOST_LINES = 14  # of panels


class NetBenefit(Table):
    """One row a fusion, label and threshold: what decisions by it do, and by the best model of a part of its inputs.

    `net_benefit` is the share of true positives less that of false positives times the odds of the threshold; to call
    no pair positive has 0, `net_benefit_all` is that of calling all so. `difference` is the fusion's above the part's.
    `prevalence` is the share of positives: as stated, or that of the pairs.
    """

    row: Series[str]
    part: Series[str]
    label: Series[str]
    prevalence: Series[float]
    threshold: Series[float] = pa.Field(gt=0, lt=1)
    net_benefit: Series[float]
    net_benefit_low: Series[float] = pa.Field(nullable=True)
    net_benefit_high: Series[float] = pa.Field(nullable=True)
    net_benefit_part: Series[float]
    net_benefit_all: Series[float]
    difference: Series[float]
    difference_low: Series[float] = pa.Field(nullable=True)
    difference_high: Series[float] = pa.Field(nullable=True)


TABLE = NetBenefit


def compute(results: Results, intervals: Intervals, seed: int, decision: DecisionSettings) -> pd.DataFrame:
    """The table `NetBenefit` from the predictions of fusions and of their best parts."""
    thresholds = np.unique([*THRESHOLDS, *([] if results.task.excludes else [round(threshold_of(decision), 4)])])
    records = []
    for each in compared(results, decision):
        values = [
            _values(one, joined, thresholds, each.stated, (intervals.resamples, seed)) for one, joined in each.both
        ]
        of_fusion, gained = (interval(found, intervals.confidence) for found in (values[0], values[0] - values[1]))
        share = float(each.both[0][0].label.mean()) if each.stated is None else each.stated
        for threshold, own, part, gain in zip(thresholds, of_fusion, values[1][0], gained, strict=True):
            record = {"row": each.fusion, "part": each.part, "label": each.label, "prevalence": round(share, 4)}
            record |= {"threshold": threshold, "net_benefit_part": round(float(part), 4)}
            record |= {"net_benefit_all": round(share - (1 - share) * threshold / (1 - threshold), 4)}
            records.append(record | as_columns({"net_benefit": own, "difference": gain}, ["net_benefit", "difference"]))
    return pd.DataFrame(records, columns=columns(NetBenefit))


@dataclass(frozen=True)
class AgainstPart:
    """A label of a fusion and of its best part, with the predictions of each and the stated prevalence, if any."""

    fusion: str
    part: str
    label: str
    both: list[tuple[OneAgainstRest, pd.DataFrame]]
    stated: float | None


def compared(results: Results, decision: DecisionSettings) -> Iterator[AgainstPart]:
    """Every label of every fusion that is shown, by probabilities at the stated prevalence."""
    task, stated = results.task, prevalence_by_label(results.task, decision)
    for positions in fusions_with_parts(results):
        labels = []
        for n in positions:
            joined = results.joined[n]
            shifted = at_prevalence(task, joined, results.validated[n], stated) if stated else None
            labels.append([(each, joined[each.known]) for each in calibrated_labels(task, joined, shifted)])
        for of_fusion, of_part in zip(*labels, strict=True):
            name = of_fusion[0].name
            if len(np.unique(of_fusion[0].label)) == 2:
                fusion, part = (results.names[n] for n in positions)
                yield AgainstPart(fusion, part, name, [of_fusion, of_part], stated.get(name))


def _values(
    each: OneAgainstRest, known: pd.DataFrame, thresholds: np.ndarray, stated: float | None, drawn: tuple[int, int]
) -> np.ndarray:
    """The net benefit at each threshold, of all pairs and of each resample, (1 + resample, threshold).

    `drawn` is how many resamples there are, and the seed of their draws.
    """
    grouped = Grouped(known["group"].to_numpy(), known["repeat"].to_numpy(), *drawn)
    called = each.score[:, None] >= thresholds
    quantities = decision_quantities(np.broadcast_to(each.label[:, None], called.shape), called)
    sums = grouped.sums(quantities.reshape(len(called), -1))

    def statistic(sums: np.ndarray) -> np.ndarray:
        return net_benefit(sums.reshape(*sums.shape[:-1], len(thresholds), -1), thresholds, stated)

    return grouped.values(sums, statistic)


def draw(table: pd.DataFrame, results: Results, decision: DecisionSettings, above: str) -> Figure:
    """The decision curve of each fusion and its best part, and their difference."""
    found = list(compared(results, decision))[:MOST_LINES]
    figure, panels = sheet(above, max(1, len(found)), 2, 1.7, sharex=True)
    for (left, right), each in zip(panels, found, strict=False):
        curves = [_values(one, joined, CURVE, each.stated, (0, 0))[0] for one, joined in each.both]
        own = table[(table["row"] == each.fusion) & (table["label"] == each.label)]
        draw_curves(left, curves, float(own["prevalence"].iloc[0]))
        draw_gain(right, curves[0] - curves[1], own)
        left.set_title(f"{each.fusion} against {each.part}: {each.label}", fontsize="small")
    for panel in panels[-1]:
        panel.set_xlabel("threshold of the probability")
    figure.supylabel("net benefit, in 100 pairs", fontsize="medium")
    looks = {"fusion": (BLUE, "-"), "best part": (ORANGE, "-"), "all": (GREY, "--"), "none": (BLACK, ":")}
    handles = [Line2D([], [], color=colour, linestyle=dash, label=name) for name, (colour, dash) in looks.items()]
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles))
    return figure


def draw_curves(panel: Axes, curves: list[np.ndarray], share: float) -> None:
    """The net benefit of a fusion, of its part, of all and of none."""
    panel.plot(CURVE, 100 * (share - (1 - share) * CURVE / (1 - CURVE)), color=GREY, linestyle="--", linewidth=0.9)
    panel.axhline(0, color=BLACK, linestyle=":", linewidth=0.9)
    for curve, colour in zip(curves[::-1], [ORANGE, BLUE], strict=True):
        panel.plot(CURVE, 100 * curve, color=colour, linewidth=1.2)
    panel.set_ylim(-15 * share, 105 * share)


def draw_gain(panel: Axes, gain: np.ndarray, table: pd.DataFrame) -> None:
    """What a fusion adds to the net benefit of its part."""
    panel.axhline(0, color=BLACK, linestyle=":", linewidth=0.9)
    panel.plot(CURVE, 100 * gain, color=GREY, linewidth=0.9)
    found = 100 * limits(table, "difference")
    reach = [(found["value"] - found["low"]).clip(lower=0), (found["high"] - found["value"]).clip(lower=0)]
    panel.errorbar(table["threshold"], found["value"], yerr=reach, color=BLUE, fmt="o", markersize=3.5, capsize=2.5)

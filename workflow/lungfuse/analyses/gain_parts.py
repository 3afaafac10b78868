"""Where the gain of each fusion comes from: another decision, another part for each label, or what is only together."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from pandera.typing import Series

from lungfuse.analyses.verdict import in_words, shortened
from lungfuse.compare.family import shown_as_family
from lungfuse.compare.gain_parts import GainParts, Rethresholding, parts_of_gain, rethresholding
from lungfuse.compare.results import Results
from lungfuse.compare.verdicts import judge, with_verdicts
from lungfuse.report.forest import LINE, METRIC, forest
from lungfuse.report.style import BLACK, BLUE, GREY, sheet
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.gains import Gain
from lungfuse.tables.base import Table, columns
from lungfuse.tables.comparison import limits, with_limits

TITLE, SECTION, ORDER = "Where the gain comes from", "Where the gain comes from", 1
CAPTION = (
    "Components of the gain of each fusion over the part named in its verdict. Switching: the gain of using, for "
    "each label, the part that is best for it on the validation pairs of the fold; interaction: the gain of the "
    "fusion on top of that, so both add up to the gain in AUROC. In accuracy: the gain if both decide by their raw "
    "scores, the gain of the part alone from deciding by its calibrated probability, and the gain of the fusion if "
    "both do. Intervals are simultaneous for all rows of a metric (max-T); grey: the interval includes zero."
)
WANTED = ["classes", "fused_inputs"]
READS = ["predicted"]
SETTINGS = ["intervals", "known_times", "study.seed"]

OF_DECISIONS = ["accuracy", "balanced_accuracy"]


class GainPartsTable(Table):
    """One row a fusion, metric and component of its gain over `part`, the one that its verdict names.

    By the score that verdicts compare, `switching` and `interaction` add up to `gain`; with one label, and of other
    scores than AUROC, nothing is switched and all of it is interaction. In accuracies `raw
    decisions` is what the fusion gains where both decide by raw scores, `re-thresholding` what the part itself gains by
    deciding by its calibrated probability, `calibrated decisions` what the fusion gains where both do. `value` is in
    [-1, 1]; its interval and `p_corrected` hold for all rows of a metric at once (max-T); empty with too few groups.
    """

    inputs: Series[str]
    part: Series[str]
    metric: Series[str]
    component: Series[str]
    value: Series[float]
    value_low: Series[float] = pa.Field(nullable=True)
    value_high: Series[float] = pa.Field(nullable=True)
    p: Series[float] = pa.Field(nullable=True)
    p_corrected: Series[float] = pa.Field(nullable=True)


TABLE = GainPartsTable


def compute(results: Results, intervals: Intervals, known_times: dict[str, str], seed: int) -> pd.DataFrame:
    """The table `GainPartsTable`, from the models and their predictions."""
    scored, rows = results.scored, []
    judged = with_verdicts(scored, known_times)
    verdicts = judge(scored, judged, intervals.confidence, seed) if judged else []
    parts = [fusion.parts[verdict.part] for fusion, verdict in zip(judged, verdicts, strict=True)]
    for metric in dict.fromkeys([scored.metric, *OF_DECISIONS]):
        records, gains = [], []
        for fusion, part in zip(judged, parts, strict=True):
            named = {"inputs": in_words(fusion.reads), "part": scored.names[part], "metric": metric}
            components = of_primary(parts_of_gain(scored, fusion, part)) if metric == scored.metric else {}
            if metric in OF_DECISIONS:
                components |= of_decisions(rethresholding(results.task, scored, results.joined, fusion, part, metric))
            records += [named | {"component": component} for component in components]
            gains += components.values()
        shown = shown_as_family(gains, scored, intervals.confidence, seed)
        rows += [record | each for record, each in zip(records, shown, strict=True)]
    return pd.DataFrame(rows, columns=columns(GainPartsTable)).round(6)


def of_primary(parts: GainParts) -> dict[str, Gain]:
    """The components of a gain in the score that verdicts compare, by name."""
    if parts.switching is None:
        return {"gain": parts.gain}
    return {"gain": parts.gain, "switching": parts.switching, "interaction": parts.interaction}


def of_decisions(found: Rethresholding) -> dict[str, Gain]:
    """The components of a gain in accuracy, by name."""
    of_part, raw, calibrated = found.of_part, found.raw, found.calibrated
    return {"raw decisions": raw, "re-thresholding": of_part, "calibrated decisions": calibrated}


def draw(table: pd.DataFrame, above: str) -> Figure:
    """The components of each gain, in points."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE * max(len(table), 1) + 0.6)
    change = limits(table, "value") * 100
    names = [f"{shortened(row.inputs)}: {METRIC[row.metric]}, {row.component}" for row in table.itertuples()]
    seen = (change["low"] > 0) | (change["high"] < 0)
    forest(axes, names, change, np.where(seen, BLUE, GREY), with_limits(change, 1, "+"))
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set_xlabel("gain over the best part, points")
    return figure

"""How many cases until it is decided whether fusion helps: what each verdict would be with more groups."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from pandera.typing import Series

from lungfuse.analyses.verdict import COLOUR_OF_WORD, in_words, shortened
from lungfuse.compare.cases_needed import seen_of
from lungfuse.compare.results import Results
from lungfuse.compare.verdicts import judge, with_verdicts
from lungfuse.report.style import GREY, grid
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.gains import MIN_GROUPS
from lungfuse.tables.base import Table, columns

TITLE, SECTION, ORDER = "How many cases", "Results", 3
CAPTION = (
    "The probability of each word of the verdict if the study continues to more groups of cases, given its results "
    "so far: the gain over the best part and its standard error, whose component of training does not shrink with "
    "the cases. Assumed are the same gain when trained on more cases and the same family of comparisons. The dotted "
    "line is where the study is decided, with a power of 80 %."
)
WANTED = ["fused_inputs"]
READS = ["predicted"]
SETTINGS = ["intervals", "study.comparison.margin", "known_times", "study.seed"]

TIMES = [1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64]
WORDS = ["better", "equivalent", "worse", "inconclusive"]


class Power(Table):
    """One row a fusion and number of groups: how likely each word of its verdict is with so many.

    The first is that of the study, of which the verdict is known. `n` are cases in groups such as these, `error` the
    standard error of the gain that is then expected, `groups_to_decide` how many groups it takes until the word is not
    inconclusive with a probability of 80 %; empty where a thousand times as many do not. With fewer than 20 effective
    groups a study forecasts nothing.
    """

    inputs: Series[str]
    groups: Series[int]
    n: Series[int]
    gain: Series[float]
    error: Series[float]
    better: Series[float] = pa.Field(ge=0, le=1)
    worse: Series[float] = pa.Field(ge=0, le=1)
    equivalent: Series[float] = pa.Field(ge=0, le=1)
    inconclusive: Series[float] = pa.Field(ge=0, le=1)
    groups_to_decide: Series[pd.Int64Dtype] = pa.Field(nullable=True)


TABLE = Power


def compute(
    results: Results, intervals: Intervals, margin: float, known_times: dict[str, str], seed: int
) -> pd.DataFrame:
    """The table `Power`, from the models and their predictions."""
    scored, records = results.scored, []
    judged = with_verdicts(scored, known_times) if scored.effective_groups >= MIN_GROUPS else []
    gains = judge(scored, judged, intervals.confidence, seed) if judged else []
    groups = len(set(scored.groups))
    for fusion, gained in zip(judged, gains, strict=True):
        seen, inputs = seen_of(scored, fusion, gained), in_words(fusion.reads)
        decided = seen.times_to_decide(margin)
        needed = int(np.ceil(decided * groups)) if np.isfinite(decided) else pd.NA
        for times in TIMES:
            record = {"inputs": inputs, "groups": round(times * groups), "n": round(times * len(scored.groups))}
            record |= {"gain": gained.value, "error": seen.error(times), "groups_to_decide": needed}
            records.append(record | seen.words(times, margin))
    table = pd.DataFrame(records, columns=columns(Power)).astype({"groups_to_decide": "Int64"})
    return table.round({"gain": 6, "error": 6} | dict.fromkeys(WORDS, 4))


def draw(table: pd.DataFrame, above: str) -> Figure:
    """How likely each word is, by the number of groups; a panel a fusion."""
    by_fusion = table.groupby("inputs", sort=False)
    figure, panels = grid(above, max(by_fusion.ngroups, 1), 3, 1.8, sharey=True)
    if table.empty:
        panels[0].set_axis_off()
        panels[0].text(0, 0.5, "Fewer than 20 effective groups forecast nothing.", va="center")
        return figure
    colours = [COLOUR_OF_WORD[word] for word in WORDS]
    for panel, (inputs, of_one) in zip(panels, by_fusion, strict=True):
        shares = [of_one[word] for word in WORDS]
        panel.stackplot(of_one["groups"], shares, colors=colours, labels=WORDS)
        needed = of_one["groups_to_decide"].iloc[0]
        if pd.notna(needed) and needed <= of_one["groups"].max():
            panel.axvline(needed, color="black", linewidth=0.8, linestyle=":")
        panel.set_xscale("log")
        panel.set_xticks(of_one["groups"].iloc[::4], [f"{count:,}" for count in of_one["groups"].iloc[::4]])
        panel.minorticks_off()
        panel.margins(x=0)
        panel.set_ylim(0, 1)
        panel.set_title(shortened(inputs), fontsize="small")
        panel.grid(color=GREY, linewidth=0.3)
    figure.supxlabel("groups", fontsize="medium")
    figure.supylabel("probability", fontsize="medium")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=len(WORDS))
    return figure

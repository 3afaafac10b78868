"""Where fusion beats the best of its parts: one line for each set of inputs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtri

from lungfuse.compare.cases_needed import cases_needed, groups_of_classes
from lungfuse.compare.gain_parts import parts_of_gain, rethresholding
from lungfuse.compare.results import Results
from lungfuse.compare.verdicts import Fusion, Scored, judge, verdict_of, with_verdicts
from lungfuse.models.times import is_leak_check, times_of, words
from lungfuse.report.forest import LINE_OF_TWO, METRIC, forest
from lungfuse.report.style import BLACK, BLUE, GREEN, GREY, MOST_COLUMNS_NAMED, ORANGE, sheet
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.model import ModelConfig
from lungfuse.statistics.gains import MIN_GROUPS, SmallestGain
from lungfuse.statistics.within_folds import mean_value
from lungfuse.tables.base import columns
from lungfuse.tables.comparison import Verdict, limits, with_limits

TITLE, SECTION, ORDER = "Does fusion help", "Results", 1
CAPTION = (
    "For each set of fused inputs: the gain within folds of the fusion over the best of its parts, in points. In "
    "each fold the fusion is the model of these inputs that is best on the validation pairs of that fold. It is "
    "compared with every model that uses only some of the inputs; the smallest gain is shown. The intervals are "
    "simultaneous (max-T); the standard error is the larger of that of the groups and that of the gains of all "
    "folds (Nadeau and Bengio). Shaded is the margin. Within it a gain is equivalent to none, beyond zero on one "
    "side it is better or worse, and otherwise inconclusive, as it is with fewer than 20 effective groups. A set "
    "with an input written by someone who had seen the image is a leak check; a set with an input known only after "
    "the outcome has no verdict."
)
WANTED = ["fused_inputs"]
READS = ["predicted"]
SETTINGS = ["intervals", "study.comparison.margin", "known_times", "study.seed"]
TABLE = Verdict

COLOUR_OF_WORD = {"better": BLUE, "worse": ORANGE, "equivalent": GREEN, "inconclusive": GREY}


def compute(
    results: Results, intervals: Intervals, margin: float, known_times: dict[str, str], seed: int
) -> pd.DataFrame:
    """The table `Verdict`, from the models and their predictions.

    A set of inputs that cannot be had when the image is read has no verdict, see `lungfuse.models.times`.
    """
    scored = results.scored
    judged = with_verdicts(scored, known_times)
    if not judged:
        return pd.DataFrame(columns=columns(Verdict))
    gains = judge(scored, judged, intervals.confidence, seed)
    records, classes = [], groups_of_classes(results.task, results.joined[0])
    for fusion, gained in zip(judged, gains, strict=True):
        part = fusion.parts[gained.part]
        times = times_of(fusion.reads, known_times)
        record = {"inputs": in_words(fusion.reads), "metric": scored.metric}
        record |= {"known": words(times), "leak_check": is_leak_check(times)}
        record |= verdict_of(scored, gained, margin) | needed_of(scored, fusion, gained, classes)
        record |= made_of(results, fusion, part)
        record |= {"tests": len(judged), "n": len(scored.groups), "groups": len(set(scored.groups))}
        record |= {"effective_groups": round(scored.effective_groups, 1), "trainings": trainings_of(scored, fusion)}
        record |= {"part": scored.names[part], "part_value": mean_value(scored.trainings[part])}
        record |= {"fusion": picked_in_words(scored, fusion), "fusion_value": fusion.value}
        record |= {"parts": len(fusion.parts), "not_above_majority": not_above_majority(scored, fusion, intervals)}
        records.append(record)
    table = pd.DataFrame(records, columns=columns(Verdict))
    needed = ["cases_for_two_points", "groups_for_two_points"]
    table[needed] = table[needed].astype("Int64")
    return table.round(dict.fromkeys(table.select_dtypes(float).columns.drop(["p", "p_corrected"]), 4)).round(6)


def trainings_of(scored: Scored, fusion: Fusion) -> int:
    """How many trainings a fusion and each of its parts have."""
    return min(len(trainings) for trainings in [fusion.trainings, *(scored.trainings[n] for n in fusion.parts)])


def needed_of(scored: Scored, fusion: Fusion, gained: SmallestGain, classes: np.ndarray) -> dict[str, object]:
    """The columns of `Verdict` that say how many cases it takes, see `cases_needed`."""
    few = scored.effective_groups < MIN_GROUPS
    needed = None if few else cases_needed(scored, fusion, gained, classes)
    both = (pd.NA, pd.NA) if needed is None else (needed.cases, needed.groups)
    return dict(zip(["cases_for_two_points", "groups_for_two_points"], both, strict=True))


def made_of(results: Results, fusion: Fusion, part: int) -> dict[str, float]:
    """The columns of `Verdict` that say where the gain over a part comes from."""
    parts = parts_of_gain(results.scored, fusion, part)
    switching = float("nan") if parts.switching is None else parts.switching.value
    found = {"switching": switching, "interaction": parts.interaction.value, "rethresholding": float("nan")}
    if results.task.numbers:
        return found
    moved = rethresholding(results.task, results.scored, results.joined, fusion, part).of_part
    return found | {"rethresholding": moved.value}


def picked_in_words(scored: Scored, fusion: Fusion) -> str:
    """The models that a fusion was in some fold, those first that it was most often: early 72 %, late 28 %."""
    names = [scored.names[n] for n in fusion.models]
    order = np.argsort(-fusion.picked, kind="stable")
    shares = fusion.picked / fusion.picked.sum()
    taken = [n for n in order if fusion.picked[n]]
    return names[taken[0]] if len(taken) == 1 else ", ".join(f"{names[n]} {shares[n]:.0%}" for n in taken)


def not_above_majority(scored: Scored, fusion: Fusion, intervals: Intervals) -> str:
    """The names of the parts that are not shown to be above the majority, joined by spaces."""
    found = []
    for n in fusion.parts:
        above = scored.gain(scored.trainings[n], scored.chance(n))
        reach = ndtri((1 + intervals.confidence) / 2) * above.error
        found += [scored.names[n]] if above.value - reach <= 0 else []
    return " ".join(found)


def in_words(model: ModelConfig) -> str:
    """What a model reads: image, the section of the text, structured columns."""
    images = model.images.replace("raw", "image")
    return " + ".join(filter(None, [images, model.text, ", ".join(model.structured)]))


def draw(table: pd.DataFrame, above: str) -> Figure:
    """What the fusion of each set of inputs gains over the best of its parts, in points."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE_OF_TWO * max(len(table), 1) + 0.6)
    names = [f"{shortened(row.inputs)}\nagainst {row.part}" for row in table.itertuples()]
    forest_of_verdicts(axes, names, table)
    if table.empty:
        axes.set_axis_off()
        axes.text(0, 0.5, "No set of inputs is known when the image is read.", va="center", transform=axes.transAxes)
    else:
        axes.set_xlabel(f"gain in {METRIC[table['metric'].iloc[0]]}, points")
    return figure


def forest_of_verdicts(axes: Axes, names: Sequence[str], verdict: pd.DataFrame) -> None:
    """The gains of a table `Verdict` in points, a line a name, with the word behind each."""
    change = limits(verdict, "gain") * 100
    colours = [COLOUR_OF_WORD[word] for word in verdict["word"]]
    said = verdict["word"] + verdict["leak_check"].map({True: ", a leak check", False: ""})
    behind = [f"{points}  {each}" for points, each in zip(with_limits(change, 1, "+"), said, strict=True)]
    for margin in verdict["margin"].unique()[:1]:
        axes.axvspan(-100 * margin, 100 * margin, color="0.94", zorder=0)
    forest(axes, names, change, colours, behind)
    axes.axvline(0, color=BLACK, linewidth=0.8)


def shortened(inputs: str) -> str:
    """The inputs of a table `Verdict`, with columns counted where they are many."""
    parts = inputs.split(" + ")
    counts = [part.count(",") + 1 for part in parts]
    named = zip(parts, counts, strict=True)
    return " + ".join(f"{count} columns" if count > MOST_COLUMNS_NAMED else part for part, count in named)

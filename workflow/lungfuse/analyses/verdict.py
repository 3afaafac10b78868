"""Where fusion beats the best of its parts: one line for each set of inputs."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtri

from lungfuse.compare.paired import difference_with_interval, paired_p
from lungfuse.compare.results import Results
from lungfuse.compare.scores import corrected, primary
from lungfuse.models.contrasts import fused_inputs
from lungfuse.models.naming import sources_of
from lungfuse.report.forest import LINE_OF_TWO, METRIC, forest
from lungfuse.report.style import BLACK, BLUE, GREY, MOST_COLUMNS_NAMED, ORANGE, sheet
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import columns
from lungfuse.tables.comparison import Verdict, limits, with_limits
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Does fusion help", "Comparison", 2
CAPTION = (
    "For each set of inputs that models fuse: what the best fusion gains in the primary metric over the best model "
    "that reads one of them alone, in points, with intervals by bootstrap over groups and trainings. Both models are "
    "chosen on the validation pairs. p tests the hypothesis of no difference, corrected for all sets of inputs (Holm); "
    "blue is a gain and orange a loss that is shown, grey neither. The table says how many cases it would take to see "
    "a difference of two points."
)
WANTED = ["fused_inputs"]
READS = ["predicted"]
SETTINGS = ["intervals", "study.seed"]
TABLE = Verdict

SEEN = 0.02  # the difference that the cases needed are counted for
ALPHA, POWER = 0.05, 0.8
SHOWN = 0.05  # corrected p below which a difference is called shown
COLOUR_OF_VERDICT = {"better": BLUE, "worse": ORANGE, "no difference shown": GREY}


def compute(results: Results, intervals: Intervals, seed: int) -> pd.DataFrame:
    """The table `Verdict`, from the models and their predictions.

    Of the models that fuse the same inputs, and of those that read one of these alone, the best on validation pairs is
    taken: the choice never sees the pairs that the difference is measured on.
    """
    task, names, models, validated = results.task, results.names, results.models, results.validated
    records = []
    for inputs in fused_inputs(models):
        parts = [n for n, model in enumerate(models) if is_part(model, inputs)]
        if not parts:
            continue
        fused = [n for n, model in enumerate(models) if sources_of(model) == inputs and not model.ablation]
        part, best = (max(rows, key=validated.__getitem__) for rows in [parts, fused])
        a, b = results.joined[best], results.joined[part]
        gained, low, high = difference_with_interval(task, a, b, intervals.confidence, intervals.resamples, seed)
        count = len(a) // a["repeat"].nunique()
        record = {"inputs": in_words(models[best]), "n": count, "metric": task.primary}
        record |= {"part": names[part], "part_value": primary(task, b)}
        record |= {"fusion": names[best], "fusion_value": primary(task, a)}
        record |= {"difference": gained, "difference_low": low, "difference_high": high}
        record |= {"p": paired_p(task, a, b, intervals.resamples, seed)}
        records.append(record | {"cases_for_two_points": cases_needed(count, low, high, intervals.confidence)})
    table = pd.DataFrame(records, columns=columns(Verdict))
    table["cases_for_two_points"] = table["cases_for_two_points"].astype("Int64")
    return table.assign(p_corrected=corrected(table["p"])).round(4)


def is_part(model: ModelConfig, inputs: set[str]) -> bool:
    """Whether a model reads of these inputs those of one modality, or some of them."""
    return len(model.inputs) == 1 and bool(sources_of(model)) and sources_of(model) < inputs


def in_words(model: ModelConfig) -> str:
    """What a model reads: image, the section of the text, structured columns."""
    images = "image" if model.images == "raw" else model.images
    return " + ".join(filter(None, [images, model.text, ", ".join(model.structured)]))


def cases_needed(count: int, low: float, high: float, confidence: float) -> int | None:
    """How many cases show a difference of two points with a power of 80 %, from the interval that `count` cases give.

    The interval of a difference shrinks with the root of the cases. None where there is no interval, or no width.
    """
    error = (high - low) / (2 * ndtri((1 + confidence) / 2))
    if not np.isfinite(error) or error <= 0:
        return None
    return int(np.ceil(count * ((ndtri(1 - ALPHA / 2) + ndtri(POWER)) * error / SEEN) ** 2))


def draw(table: pd.DataFrame, task: Task, above: str) -> Figure:
    """What the best fusion of each set of inputs gains over the best of its parts, in points."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE_OF_TWO * len(table) + 0.6)
    names = [f"{shortened(row.inputs)}\n{row.fusion} against {row.part}" for row in table.itertuples()]
    forest_of_verdicts(axes, names, table, [f"  p {p:.2g}" for p in table["p_corrected"]])
    axes.set_xlabel(f"gain in {METRIC[task.primary]}, points")
    return figure


def forest_of_verdicts(axes: Axes, names: list[str], verdict: pd.DataFrame, texts: list[str]) -> None:
    """The differences of a table `Verdict` in points, a line a name, with a text behind each."""
    change = limits(verdict, "difference") * 100
    colours = [COLOUR_OF_VERDICT[said] for said in verdict_in_words(verdict)]
    behind = [points + text for points, text in zip(with_limits(change, 1, "+"), texts, strict=True)]
    forest(axes, names, change, colours, behind)
    axes.axvline(0, color=BLACK, linewidth=0.8)


def verdict_in_words(verdict: pd.DataFrame) -> list[str]:
    """Whether each row of a table `Verdict` shows a difference, and which way it falls."""
    better = np.where(verdict["difference"] > 0, "better", "worse")
    return np.where(verdict["p_corrected"] < SHOWN, better, "no difference shown").tolist()


def shortened(inputs: str) -> str:
    """The inputs of a table `Verdict`, with columns counted where they are many."""
    parts = inputs.split(" + ")
    counts = [part.count(",") + 1 for part in parts]
    named = zip(parts, counts, strict=True)
    return " + ".join(f"{count} columns" if count > MOST_COLUMNS_NAMED else part for part, count in named)

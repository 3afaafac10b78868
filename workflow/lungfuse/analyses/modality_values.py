"""What each modality is worth in all sets of them: its Shapley value."""

from itertools import combinations
from math import factorial

import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from pandera.typing import Series

from lungfuse.analyses.verdict import in_words, shortened
from lungfuse.compare.family import shown_as_family
from lungfuse.compare.results import Results
from lungfuse.compare.verdicts import Fusion, Scored, best_of, reading, with_verdicts
from lungfuse.report.forest import LINE, forest
from lungfuse.report.style import BLACK, BLUE, sheet
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.within_folds import WithinFolds, combined, mean_value
from lungfuse.tables.base import Table, columns
from lungfuse.tables.comparison import limits, with_limits

TITLE, SECTION, ORDER = "Value of each modality", "Where the gain comes from", 2
CAPTION = (
    "The Shapley value of each modality: its mean contribution to the score within folds (AUROC; concordance of a "
    "number) over all orders of adding the modalities of a fusion, starting from one half. The values of a fusion "
    "add up to its score above one half. Among models of exactly the same modalities, each fold uses the one that is "
    "best on its validation pairs. Fusions are omitted if no model uses some subset of their modalities. Intervals "
    "are simultaneous (max-T)."
)
WANTED = ["fused_inputs"]
READS = ["predicted"]
SETTINGS = ["intervals", "known_times", "study.seed"]


class ModalityValues(Table):
    """One row a fusion and modality: its Shapley value in AUROC within folds (Shapley, 1953), in [-1, 1].

    `alone` is the AUROC of what reads the modality by itself, `added` what it adds to all others. The interval and
    `p_corrected` hold for the whole table (max-T); empty with too few groups.
    """

    inputs: Series[str]
    modality: Series[str]
    value: Series[float]
    value_low: Series[float] = pa.Field(nullable=True)
    value_high: Series[float] = pa.Field(nullable=True)
    p: Series[float] = pa.Field(nullable=True)
    p_corrected: Series[float] = pa.Field(nullable=True)
    alone: Series[float]
    added: Series[float]


TABLE = ModalityValues
CHANCE = 0.5
Sets = dict[frozenset[str], list[WithinFolds]]


def compute(results: Results, intervals: Intervals, known_times: dict[str, str], seed: int) -> pd.DataFrame:
    """The table `ModalityValues`, from the models and their predictions."""
    scored, records, gains = results.scored, [], []
    for fusion in with_verdicts(scored, known_times):
        config = fusion.reads
        sets = scored_sets(scored, fusion)
        for modality in config.inputs if sets else []:
            worth = shapley(sets, modality)
            gains.append(scored.gain(worth, [each.at(0) for each in worth]))
            every = frozenset(config.inputs)
            record = {
                "inputs": in_words(config),
                "modality": modality,
                "alone": mean_value(sets[frozenset([modality])]),
            }
            records.append(record | {"added": mean_value(sets[every]) - mean_value(sets[every - {modality}])})
    shown = shown_as_family(gains, scored, intervals.confidence, seed)
    rows = [record | each for record, each in zip(records, shown, strict=True)]
    return pd.DataFrame(rows, columns=columns(ModalityValues)).round(6)


def scored_sets(scored: Scored, fusion: Fusion) -> Sets:
    """The models that read each set of the modalities of a fusion, as one, on the trainings that all have.

    Nothing is read at chance. Empty where there is a set that no model reads.
    """
    sources = fusion.inputs
    modalities = list(fusion.reads.inputs)
    found: Sets = {frozenset(modalities): fusion.trainings}
    for size in range(1, len(modalities)):
        for some in combinations(modalities, size):
            read = {source for source in sources if source.split(" ", 1)[0] in some}
            same = reading(scored, read)
            if not same:
                return {}
            found[frozenset(some)] = best_of(scored, same)[0]
    found[frozenset()] = [training.at(CHANCE) for training in fusion.trainings]
    trainings = min(map(len, found.values()))
    return {some: each[:trainings] for some, each in found.items()}


def shapley(sets: Sets, modality: str) -> list[WithinFolds]:
    """The Shapley value of a modality in each training, with how much each case moves it."""
    count = len(max(sets, key=len))
    without = [some for some in sets if modality not in some]
    weights = [factorial(len(some)) * factorial(count - len(some) - 1) / factorial(count) for some in without]
    found = []
    for n in range(len(sets[frozenset()])):
        each = [(sets[some | {modality}][n], sets[some][n]) for some in without]
        found.append(combined([model for pair in each for model in pair], [s * w for w in weights for s in (1, -1)]))
    return found


def draw(table: pd.DataFrame, above: str) -> Figure:
    """The value of each modality, in points."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE * max(len(table), 1) + 0.6)
    worth = limits(table, "value") * 100
    names = [f"{row.modality} of {shortened(row.inputs)}" for row in table.itertuples()]
    forest(axes, names, worth, [BLUE] * len(table), with_limits(worth, 1, "+"))
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set_xlabel("share of the score above one half, points")
    if table.empty:
        axes.set_axis_off()
        axes.text(0, 0.5, "Of no fusion is each set of its modalities read by a model.", transform=axes.transAxes)
    return figure

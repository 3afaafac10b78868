"""What trained models lose when one of their inputs is shuffled among the pairs that they are tested on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from pandera.typing import Series

from lungfuse.compare.by_fold import by_fold
from lungfuse.compare.family import shown_as_family
from lungfuse.compare.results import Results
from lungfuse.models.naming import named
from lungfuse.report.forest import LINE, METRIC, forest
from lungfuse.report.style import BLACK, BLUE, GREY, sheet
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.within_folds import WithinFolds, combined
from lungfuse.tables.base import Table, columns, read_table
from lungfuse.tables.comparison import limits, with_limits
from lungfuse.tables.training import PermutedScores

TITLE, SECTION, ORDER = "Inputs shuffled", "Where the gain comes from", 4
CAPTION = (
    "The loss in the score within folds (AUROC; concordance of a number) of each model of several inputs when one of "
    "them is shuffled among the test pairs of a fold, the mean of ten shuffles of the trained model: how much it "
    "relies on that input. Next to it is the loss of a model trained with the input shuffled, if the study has such "
    "a control: how much the input adds to the others. Intervals are simultaneous (max-T); grey: the interval "
    "includes zero."
)
WANTED = ["permutable"]
READS = ["predicted", "permuted"]
SETTINGS = ["intervals", "study.seed"]


class Permuted(Table):
    """One row a model and modality that is shuffled among the test pairs of each fold of the first training.

    `loss` is what the primary `metric` of the model loses, the mean of so many `permutations`, in [-1, 1]; its interval
    and `p_corrected` hold for the whole table (max-T), and are empty with too few groups. `retrained_loss` is the loss
    of a model that was trained with the modality shuffled, on the same folds; empty where the study has none.
    """

    model: Series[str]
    images: Series[str]
    text: Series[str]
    structured: Series[str]
    row: Series[str]
    modality: Series[str]
    metric: Series[str]
    permutations: Series[int]
    value: Series[float]
    loss: Series[float]
    loss_low: Series[float] = pa.Field(nullable=True)
    loss_high: Series[float] = pa.Field(nullable=True)
    p: Series[float] = pa.Field(nullable=True)
    p_corrected: Series[float] = pa.Field(nullable=True)
    retrained_loss: Series[float] = pa.Field(nullable=True)


TABLE = Permuted


def compute(results: Results, permuted: Sequence[Path], intervals: Intervals, seed: int) -> pd.DataFrame:
    """The table `Permuted`, from the models, their predictions, and the files of shuffled scores of some of them."""
    scored, records, gains = results.scored, [], []
    for file in permuted:
        position = results.names.index(file.stem)
        table = read_table(file, PermutedScores)
        intact = scored_shuffle(results, table[table["modality"] == ""])
        for modality, shuffles in table[table["modality"] != ""].groupby("modality", sort=False):
            each = [scored_shuffle(results, rows) for _, rows in shuffles.groupby("permutation")]
            gains.append(scored.gain([intact], [combined(each, [1 / len(each)] * len(each))]))
            record = named(results.models[position]) | {"row": file.stem, "modality": modality}
            record |= {"metric": scored.metric, "permutations": len(each), "value": intact.value}
            records.append(record | {"retrained_loss": retrained_loss(results, position, str(modality))})
    shown = shown_as_family(gains, scored, intervals.confidence, seed, named_as="loss")
    rows = [record | each for record, each in zip(records, shown, strict=True)]
    return pd.DataFrame(rows, columns=columns(Permuted)).round(6)


def scored_shuffle(results: Results, rows: pd.DataFrame) -> WithinFolds:
    """The primary metric of the scores of one shuffle, rows of `PermutedScores`, in the order of the pairs."""
    task, scores = results.task, rows.set_index("pair_id")
    first = results.joined[0]
    pairs = first[first["repeat"] == first["repeat"].min()][["pair_id", "group", *task.columns("label")]]
    found = pairs.join(scores[["fold", *task.columns("score")]], on="pair_id").assign(repeat=0)
    return by_fold(task, found, results.scored.metric, decided_by="score")[0]


def retrained_loss(results: Results, position: int, modality: str) -> float:
    """What the model at a position gains over the same one trained with a modality shuffled; NaN without it."""
    described = [model.model_dump(exclude={"name"}) for model in results.models]
    wanted = described[position] | {"ablation": f"shuffled-{modality}"}
    if wanted not in described:
        return float("nan")
    trainings = [results.scored.trainings[n] for n in (position, described.index(wanted))]
    return results.scored.gain(*trainings).value


def draw(table: pd.DataFrame, above: str) -> Figure:
    """What each shuffle loses, in points, and what the retrained control does."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE * max(len(table), 1) + 0.6)
    change = limits(table, "loss") * 100
    names = [f"{row.row}: {row.modality} shuffled" for row in table.itertuples()]
    seen = (change["low"] > 0) | (change["high"] < 0)
    forest(axes, names, change, np.where(seen, BLUE, GREY), with_limits(change, 1, "+"))
    if table["retrained_loss"].notna().any():
        look = {"color": BLACK, "fillstyle": "none", "markersize": 5, "label": "trained anew with it shuffled"}
        axes.plot(table["retrained_loss"] * 100, range(len(table)), "D", **look)
        figure.legend(loc="outside lower left")
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set_xlabel(f"loss of {METRIC[table['metric'].iloc[0]] if len(table) else 'AUROC'}, points")
    return figure

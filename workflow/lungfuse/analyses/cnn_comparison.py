"""Networks of images epoch by epoch, beside the published accuracies."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pandera.typing import Series
from scipy.stats import t

from lungfuse.compare.results import Results
from lungfuse.compare.scores import as_columns, score_with_intervals
from lungfuse.compare.verdicts import Scored
from lungfuse.encoders import RANDOM, Random, encoder_spec
from lungfuse.report.style import COLOURS, GREY, grid
from lungfuse.settings.comparison import Intervals
from lungfuse.statistics.gains import Gain
from lungfuse.tables.base import Table, columns

TITLE, SECTION, ORDER = "Published networks", "Results", 4
CAPTION = (
    "Convolutional networks on raw and segmented images: the same pairs, folds, seeds and settings. Lines are "
    "accuracies on the validation pairs after each epoch, means over the trainings. The table has the accuracy of the "
    "selected epochs out of fold, with intervals, and p of equal AUROC with the same network on raw images. "
    "Published accuracies were measured on other images."
)
WANTED = ["classes", "study.comparison.published_epochs"]
READS = ["predicted", "histories"]
SETTINGS = ["study.comparison.published_epochs", "intervals", "study.seed"]
LINE_OF_ORIGIN = {
    "here": {"linestyle": "-", "marker": "o", "fillstyle": "full", "markersize": 4},
    "published": {"linestyle": "--", "marker": "D", "fillstyle": "none", "markersize": 4},
}


class CNNComparison(Table):
    """One row per model: its out-of-fold scores, and the accuracies of its epochs on validation pairs.

    `weights` are published or random. `epoch_accuracies` and `published_accuracies` are joined by spaces. `p_vs_raw`
    tests the same AUROC within folds as that of the same network on raw images.
    """

    row: Series[str] = pa.Field(unique=True)
    network: Series[str]
    images: Series[str]
    weights: Series[str]
    n: Series[int]
    accuracy: Series[float]
    accuracy_low: Series[float] = pa.Field(nullable=True)
    accuracy_high: Series[float] = pa.Field(nullable=True)
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)
    p_vs_raw: Series[float] = pa.Field(nullable=True)
    epoch_accuracies: Series[str]
    published_accuracies: Series[str]


TABLE = CNNComparison


def compute(
    results: Results,
    histories: list[Path],
    published_epochs: dict[str, list[float]],
    intervals: Intervals,
    seed: int,
) -> pd.DataFrame:
    """The models that `published_epochs` names, in its order."""
    models = dict(zip(results.names, results.models, strict=True))
    joined = dict(zip(results.names, results.joined, strict=True))
    trainings = dict(zip(results.names, results.scored.trainings, strict=True))
    encoders = {name: models[name].encoders["image"] for name in published_epochs}
    raw = {encoders[name]: name for name in published_epochs if models[name].images == "raw"}
    records = []
    for name, published in published_epochs.items():
        encoder, frame = encoders[name], joined[name]
        found = score_with_intervals(results.task, frame, intervals.confidence, intervals.resamples, seed)
        record = {"row": name, "network": encoder.removeprefix(RANDOM), "images": models[name].images}
        record |= {"weights": "random" if isinstance(encoder_spec(encoder).source, Random) else "published"}
        record |= {"n": len(frame) // frame["repeat"].nunique()} | as_columns(found, ["accuracy", "auroc"])
        reference = raw.get(encoder, name)
        if reference != name:
            record["p_vs_raw"] = p_of(results.scored.gain(trainings[name], trainings[reference]), results.scored)
        own = [path for path in histories if path.parent.parent.name == name]
        record |= {"epoch_accuracies": in_words(epoch_accuracies(own)), "published_accuracies": in_words(published)}
        records.append(record)
    return pd.DataFrame(records, columns=columns(CNNComparison))


def p_of(gained: Gain, scored: Scored) -> float:
    """Two-sided p of one gain by itself."""
    return float(2 * t.sf(abs(gained.t), scored.degrees))


def epoch_accuracies(histories: list[Path]) -> pd.Series:
    """The accuracy on validation pairs after each epoch, the mean of those trainings that have it."""
    return pd.concat(map(pd.read_csv, histories)).groupby("epoch")["validation_accuracy"].mean()


def in_words(accuracies: Iterable[float]) -> str:
    return " ".join(f"{accuracy:.4f}" for accuracy in accuracies)


def draw(table: pd.DataFrame, above: str) -> Figure:
    """Accuracy after each epoch and the published one, a panel a network."""
    by_network, variants = table.groupby(["network", "weights"], sort=False), list(dict.fromkeys(table["images"]))
    figure, panels = grid(above, by_network.ngroups, 3, 2.2, sharey=True)
    for panel, ((network, weights), models) in zip(panels, by_network, strict=True):
        for model in models.itertuples():
            colour = COLOURS[variants.index(model.images)]
            for origin, values in [("here", model.epoch_accuracies), ("published", model.published_accuracies)]:
                accuracies = [float(value) for value in values.split()]
                panel.plot(range(1, len(accuracies) + 1), accuracies, color=colour, **LINE_OF_ORIGIN[origin])
        panel.set_title(f"{network}, {weights} weights")
        panel.set(xlabel="epoch", ylabel="accuracy")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    handles = [plt.Line2D([], [], color=COLOURS[n], label=variant) for n, variant in enumerate(variants)]
    handles += [plt.Line2D([], [], color=GREY, label=origin, **line) for origin, line in LINE_OF_ORIGIN.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure

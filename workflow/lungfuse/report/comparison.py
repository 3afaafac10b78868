"""Forest plots: the models, what their parts are worth, sites, segmenters, networks and flaws of the protocol."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lungfuse.report.style import (
    BLACK,
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    LEAST_FONT,
    MOST_COLUMNS_NAMED,
    ORANGE,
    colours_of_inputs,
    forest,
    grid,
    inputs_of,
    row_names,
    sheet,
    short_names,
)
from lungfuse.tables.comparison import limits, with_limits
from lungfuse.tasks import Task

SHOWN = 0.05  # corrected p below which a difference is called shown
COLOUR_OF_VERDICT = {"better": BLUE, "worse": ORANGE, "no difference shown": GREY}
COLOUR_OF_FLAW = {"flaw": ORANGE, "cumulative": BLACK, "shared text": BLUE}
MOST_COLUMNS = 4  # of a legend
LINE, LINE_OF_TWO, LEAST_LINE = 0.24, 0.4, 0.17  # inches of a line of a forest plot, its name in one line or two
METRIC = {"accuracy": "accuracy", "auroc": "mean AUROC"}
AXIS = {"accuracy": "accuracy, out of fold", "auroc": "mean AUROC over the labels, out of fold"}
LINE_OF_ORIGIN = {
    "here": {"linestyle": "-", "marker": "o", "fillstyle": "full", "markersize": 4},
    "published": {"linestyle": "--", "marker": "D", "fillstyle": "none", "markersize": 4},
}


def draw_comparison(comparison: pd.DataFrame, task: Task, above: str) -> Figure:
    """The table `Comparison`: the primary metric of each row with interval, and the published figures."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE * len(comparison) + 0.8)
    kinds, values, colours = inputs_of(comparison), limits(comparison, task.primary), colours_of_inputs()
    forest(axes, row_names(comparison), values, [colours[kind] for kind in kinds], with_limits(values))
    handles = _legend_of_inputs(kinds)
    published = comparison["published_accuracy"]
    if published.notna().any() and task.primary == "accuracy":
        handles += axes.plot(
            published, range(len(published)), "D", color=BLACK, fillstyle="none", markersize=5, label="published"
        )
    if comparison["n_own_text"].notna().any():
        own = comparison["accuracy_own_text"]
        handles += axes.plot(own, range(len(own)), "|", color=BLACK, markersize=9, label="own text in no training fold")
    if len(task.columns("score")) == 1 or task.primary == "auroc":
        axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_xlabel(AXIS[task.primary])
    columns = min(len(handles), MOST_COLUMNS)
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, title="reads", alignment="left")
    return figure


def _legend_of_inputs(kinds: list[str]) -> list:
    """A dot for each kind of inputs that there is."""
    nothing = "nothing" if any("structured" in kind for kind in kinds) else "neither"
    return [
        plt.Line2D([], [], color=colour, marker="o", linestyle="", label=kind or nothing)
        for kind, colour in colours_of_inputs().items()
        if kind in kinds
    ]


def draw_per_label(per_label: pd.DataFrame, above: str) -> Figure:
    """The table `PerLabel`: AUROC of each row, a panel a label."""
    labels = per_label.groupby("label", sort=False)
    rows = labels.size().max()
    figure, panels = grid(above, labels.ngroups, 3, LEAST_LINE * rows + 0.5, sharey=True, sharex=True)
    for panel, (name, table) in zip(panels, labels, strict=True):
        colours = [colours_of_inputs()[kind] for kind in inputs_of(table)]
        forest(panel, row_names(table), limits(table, "auroc"), colours)
        panel.tick_params(axis="y", labelsize=LEAST_FONT)
        panel.tick_params(axis="x", labelbottom=True)
        panel.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
        panel.set_title(f"{name}\n{table['positives'].iloc[0]} of {table['n'].iloc[0]} pairs", fontsize="small")
    handles = _legend_of_inputs(inputs_of(per_label))
    columns, title = min(len(handles), MOST_COLUMNS), "AUROC, out of fold, of what reads"
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, title=title, alignment="left")
    return figure


def draw_missing(missing: pd.DataFrame, task: Task, above: str) -> Figure:
    """The table `Missing`: the primary metric of each row where all is there, and where a modality is not."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE * max(len(missing), 1) + 0.6)
    values = limits(missing, task.primary)
    what = missing["missing"].map(lambda modality: f"no {modality}" if modality else "all there")
    names = [
        f"{name}: {lacks} ({n} pairs)" for name, lacks, n in zip(short_names(missing), what, missing["n"], strict=True)
    ]
    colours = np.where(missing["missing"] == "", BLUE, ORANGE)
    forest(axes, names, values, colours, with_limits(values))
    axes.set_xlabel(AXIS[task.primary])
    if missing.empty:
        axes.set_axis_off()
        axes.text(0, 0, "Every pair has everything that the rows read.", va="center")
    return figure


def draw_verdict(verdict: pd.DataFrame, task: Task, above: str) -> Figure:
    """The table `Verdict`: what the best fusion of each set of inputs gains over the best of its parts, in points."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE_OF_TWO * len(verdict) + 0.6)
    names = [f"{shortened(row.inputs)}\n{row.fusion} against {row.part}" for row in verdict.itertuples()]
    forest_of_verdicts(axes, names, verdict, [f"  p {p:.2g}" for p in verdict["p_corrected"]])
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


def draw_ablations(ablations: pd.DataFrame, task: Task, above: str) -> Figure:
    """The table `Ablations`: what each change gains or loses of the primary metric, in points."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE_OF_TWO * len(ablations) + 0.6)
    change = limits(ablations, "difference") * 100
    held_out = ablations["pairs"].map({"all": "", "held-out": " (held-out patients)"})
    names = [
        f"{name}:\n{row.change}, {row.changed}"
        if row.change.endswith(" alone") or row.change.startswith("without ")
        else f"{name}:\n{row.change}{pairs}"
        for name, row, pairs in zip(short_names(ablations), ablations.itertuples(), held_out, strict=True)
    ]
    significant = (change["low"] > 0) | (change["high"] < 0)
    texts = [
        f"{points}  +{row.gained:.0f} -{row.lost:.0f}"
        for points, row in zip(with_limits(change, 1, "+"), ablations.itertuples(), strict=True)
    ]
    forest(axes, names, change, np.where(significant, BLUE, GREY), texts)
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set_xlabel(f"change of {METRIC[task.primary]}, points")
    return figure


def draw_sites(sites: pd.DataFrame, task: Task, above: str) -> Figure:
    """The table `Sites`: the primary metric of each row at each site, a panel a site."""
    by_site = sites.groupby("site", sort=False)
    rows = sites.groupby("site").size().max()
    figure, panels = grid(above, by_site.ngroups, 3, LINE * rows + 0.5, sharey=True, sharex=True)
    for panel, (name, table) in zip(panels, by_site, strict=True):
        forest(panel, row_names(table), limits(table, task.primary), [BLUE] * len(table))
        panel.set_title(f"{name or 'not said'} ({table['n'].iloc[0]} pairs)")
    figure.supxlabel(AXIS[task.primary], fontsize="medium")
    return figure


def draw_segmentation(segmentation: pd.DataFrame, above: str) -> Figure:
    """The table `Segmentation`: Dice on held-out patients, of masks as a study uses them."""
    clean = segmentation[segmentation["mask"] == "clean"]
    figure, ((axes,),) = sheet(above, 1, 1, LINE * len(clean) + 0.6)
    names = [f"{row.segmenter}, {row.source} ({row.n} patients)" for row in clean.itertuples()]
    dice = limits(clean, "dice")
    forest(axes, names, dice, [GREEN] * len(clean), with_limits(dice))
    axes.set_xlabel("Dice, mean over patients")
    return figure


def draw_cnns(networks: pd.DataFrame, above: str) -> Figure:
    """The table `CNNComparison`: accuracy after each epoch and the published one, a panel a network."""
    by_network = networks.groupby("network", sort=False)
    variants = list(dict.fromkeys(networks["images"]))
    figure, panels = grid(above, by_network.ngroups, 3, 2.2, sharey=True)
    for panel, (name, table) in zip(panels, by_network, strict=True):
        for row in table.itertuples():
            colour = COLOURS[variants.index(row.images)]
            for origin, values in [("here", row.epoch_accuracies), ("published", row.published_accuracies)]:
                accuracies = [float(value) for value in values.split()]
                panel.plot(range(1, len(accuracies) + 1), accuracies, color=colour, **LINE_OF_ORIGIN[origin])
        panel.set_title(f"{name}, {table['weights'].iloc[0]} weights")
        panel.set(xlabel="epoch", ylabel="accuracy")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    handles = [plt.Line2D([], [], color=COLOURS[n], label=variant) for n, variant in enumerate(variants)]
    handles += [plt.Line2D([], [], color=GREY, label=origin, **line) for origin, line in LINE_OF_ORIGIN.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def draw_leakage(leakage: pd.DataFrame, above: str) -> Figure:
    """The table `Leakage`: points of accuracy that each flaw adds to its control, a panel a section.

    Where there is no control, the table says why.
    """
    sections = leakage.groupby("text", sort=False)
    figure, panels = grid(above, sections.ngroups, 3, LINE * sections.size().max() + 0.6, sharey=True, sharex=True)
    for panel, (section, table) in zip(panels, sections, strict=True):
        kinds = table["kind"].map(lambda kind: "" if kind == "flaw" else f" ({kind})")
        colours = [COLOUR_OF_FLAW[kind] for kind in table["kind"]]
        forest(panel, table["flaw"] + kinds, limits(table, "added") * 100, colours)
        for line, note in enumerate(table["note"]):
            if note:
                panel.annotate("no control", (0, line), fontsize=LEAST_FONT, ha="center", va="center", color=GREY)
        panel.axvline(0, color=BLACK, linewidth=0.8)
        controls = table["control"].dropna()
        without = f"{controls.iloc[0]:.3f} without" if len(controls) else "no control"
        panel.set_title(f"{section}\n{without}")
    figure.supxlabel("points of accuracy added", fontsize="medium")
    return figure


def draw_words(words: pd.DataFrame, above: str) -> Figure:
    """The table `Words`: how the presence of each word tells the label, a panel a section."""
    sections = words.groupby("text", sort=False)
    figure, panels = grid(above, sections.ngroups, 2, LINE * sections.size().max() + 0.6, sharex=True)
    for panel, (section, table) in zip(panels, sections, strict=True):
        names = [f"{row.word} ({row.texts})" for row in table.itertuples()]
        forest(panel, names, limits(table, "auroc"), [BLUE if kind == "telling" else ORANGE for kind in table["kind"]])
        panel.axvline(0.5, color=BLACK, linewidth=0.8)
        panel.tick_params(labelbottom=True)
        panel.set_title(section)
    figure.supxlabel("AUROC of a word's presence", fontsize="medium")
    return figure


def draw_shortcuts(shortcuts: pd.DataFrame, above: str) -> Figure:
    """The table `Shortcuts`: AUROC of each model that reads little."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE * len(shortcuts) + 0.6)
    names = [": ".join(filter(None, [row.text, row.reads])) for row in shortcuts.itertuples()]
    auroc = limits(shortcuts, "auroc")
    forest(axes, names, auroc, [BLUE] * len(shortcuts), with_limits(auroc))
    axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_xlabel("AUROC, out of fold")
    return figure

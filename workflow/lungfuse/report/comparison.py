"""Forest plots: the models, what their parts are worth, hospitals, segmenters, networks and flaws of the protocol."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lungfuse.report.style import (
    BLACK,
    BLUE,
    COLOUR_OF_INPUTS,
    COLOURS,
    GREEN,
    GREY,
    ORANGE,
    forest,
    grid,
    inputs_of,
    row_names,
    sheet,
)
from lungfuse.tables import limits, with_limits

LINE = 0.24  # inches of a line of a forest plot
LINE_OF_ORIGIN = {
    "here": {"linestyle": "-", "marker": "o", "fillstyle": "full", "markersize": 4},
    "published": {"linestyle": "--", "marker": "D", "fillstyle": "none", "markersize": 4},
}


def draw_comparison(comparison: pd.DataFrame, above: str) -> Figure:
    """The table `Comparison`: accuracy of each row with interval, and the published figures."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE * len(comparison) + 0.8)
    kinds, accuracy = inputs_of(comparison), limits(comparison, "accuracy")
    forest(axes, row_names(comparison), accuracy, [COLOUR_OF_INPUTS[kind] for kind in kinds], with_limits(accuracy))
    shown = [kind for kind in COLOUR_OF_INPUTS if kind in kinds]
    handles = [
        plt.Line2D([], [], color=COLOUR_OF_INPUTS[kind], marker="o", linestyle="", label=kind or "neither")
        for kind in shown
    ]
    published = comparison["published_accuracy"]
    if published.notna().any():
        handles += axes.plot(
            published, range(len(published)), "D", color=BLACK, fillstyle="none", markersize=5, label="published"
        )
    axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_xlabel("accuracy, out of fold")
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), title="reads", alignment="left")
    return figure


def draw_ablations(ablations: pd.DataFrame, above: str) -> Figure:
    """The table `Ablations`: accuracy gained or lost by each change, in points."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE * len(ablations) + 0.6)
    change = limits(ablations, "difference") * 100
    names = [
        f"{name}: {row.change}, {row.changed}" if row.change.endswith(" alone") else f"{name}: {row.change}"
        for name, row in zip(row_names(ablations), ablations.itertuples(), strict=True)
    ]
    significant = (change["low"] > 0) | (change["high"] < 0)
    texts = [
        f"{points}  +{row.gained:.0f} -{row.lost:.0f}"
        for points, row in zip(with_limits(change, 1, "+"), ablations.itertuples(), strict=True)
    ]
    forest(axes, names, change, np.where(significant, BLUE, GREY), texts)
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set_xlabel("change of accuracy, points")
    return figure


def draw_sites(sites: pd.DataFrame, above: str) -> Figure:
    """The table `Sites`: accuracy of each row at each hospital, a panel a hospital."""
    hospitals = sites.groupby("site", sort=False)
    rows = sites.groupby("site").size().max()
    figure, panels = grid(above, hospitals.ngroups, 3, LINE * rows + 0.5, sharey=True, sharex=True)
    for panel, (name, table) in zip(panels, hospitals, strict=True):
        forest(panel, row_names(table), limits(table, "accuracy"), [BLUE] * len(table))
        panel.set_title(f"{name} ({table['n'].iloc[0]} pairs)")
    figure.supxlabel("accuracy, out of fold", fontsize="medium")
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
    arms = list(dict.fromkeys(networks["images"]))
    figure, panels = grid(above, by_network.ngroups, 3, 2.2, sharey=True)
    for panel, (name, table) in zip(panels, by_network, strict=True):
        for row in table.itertuples():
            colour = COLOURS[arms.index(row.images)]
            for origin, values in [("here", row.epoch_accuracies), ("published", row.published_accuracies)]:
                accuracies = [float(value) for value in values.split()]
                panel.plot(range(1, len(accuracies) + 1), accuracies, color=colour, **LINE_OF_ORIGIN[origin])
        panel.set_title(f"{name}, {table['weights'].iloc[0]} weights")
        panel.set(xlabel="epoch", ylabel="accuracy")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    handles = [plt.Line2D([], [], color=COLOURS[n], label=arm) for n, arm in enumerate(arms)]
    handles += [plt.Line2D([], [], color=GREY, label=origin, **line) for origin, line in LINE_OF_ORIGIN.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def draw_leakage(leakage: pd.DataFrame, above: str) -> Figure:
    """The table `Leakage`: points of accuracy that each flaw adds, a panel a section."""
    flaws = leakage[leakage["flaw"] != "none"]
    honest = leakage[leakage["flaw"] == "none"].set_index("text")["accuracy"]
    sections = flaws.groupby("text", sort=False)
    lines = sections.size().max()
    figure, panels = grid(above, sections.ngroups, 3, LINE * lines + 0.6, sharey=True, sharex=True)
    for panel, (section, table) in zip(panels, sections, strict=True):
        forest(panel, list(table["flaw"]), limits(table, "added") * 100, [ORANGE] * len(table))
        panel.axvline(0, color=BLACK, linewidth=0.8)
        panel.set_title(f"{section}\n{honest[section]:.3f} without")
    figure.supxlabel("points of accuracy added", fontsize="medium")
    return figure

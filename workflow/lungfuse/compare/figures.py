"""Figures of a study: the funnel of its filters and the comparison as a forest plot."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from lungfuse.compare.style import BLUE, ORANGE, heading, save
from lungfuse.tables import Comparison, Funnel, read_table


def main(
    *, title: str, notice: str, funnel: Path, comparison_table: Path, funnel_figure: Path, comparison_figure: Path
) -> None:
    """Draw the figures of a study.

    Parameters
    ----------
    title
        Name of the study.
    notice
        What every figure of the study has to say.
    funnel
        Table of what is left after each filter.
    comparison_table
        Table of models and their scores.
    funnel_figure
        Output: bars of what is left, SVG.
    comparison_figure
        Output: accuracy of each model with its interval, SVG.
    """
    above = heading(title, notice)
    save(draw_funnel(read_table(funnel, Funnel), above), funnel_figure)
    save(draw_comparison(read_table(comparison_table, Comparison), above), comparison_figure)


def draw_funnel(funnel: pd.DataFrame, above: str) -> Figure:
    """A bar a step of the table `Funnel`, from top to bottom."""
    figure, axes = plt.subplots(figsize=(6.5, 0.28 * len(funnel) + 0.8), layout="constrained")
    bars = axes.barh(funnel["step"], funnel["count"], color=BLUE)
    axes.bar_label(bars, labels=[f"{count:,}" for count in funnel["count"]], padding=3)
    axes.invert_yaxis()
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.set_title(above, loc="left")
    return figure


def draw_comparison(comparison: pd.DataFrame, above: str) -> Figure:
    """A forest plot of the table `Comparison`: accuracy with interval, and the published figures."""
    names = comparison[["model", "images", "text"]].apply(lambda row: ", ".join(part for part in row if part), axis=1)
    limits = comparison[["accuracy_low", "accuracy_high"]].sub(comparison["accuracy"], axis=0).abs()
    figure, axes = plt.subplots(figsize=(6.5, 0.35 * len(names) + 1.2), layout="constrained")
    axes.errorbar(
        comparison["accuracy"], names, xerr=limits.T.to_numpy(), fmt="o", color=BLUE, capsize=3, label="out of fold"
    )
    if comparison["published_accuracy"].notna().any():
        axes.plot(comparison["published_accuracy"], names, "D", color=ORANGE, fillstyle="none", label="published")
    axes.axvline(0.5, color="0.7", linewidth=0.8, zorder=0)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("accuracy, with interval by bootstrap over groups")
    axes.set_title(above, loc="left")
    figure.legend(loc="outside lower right", ncols=2, frameon=False)
    return figure

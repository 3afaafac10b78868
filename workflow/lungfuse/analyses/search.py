"""What the searches for settings have found in each fold, what matters in their spaces, and what they are worth."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np
import optuna
import pandas as pd
import pandera.pandas as pa
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from optuna.visualization.matplotlib import plot_optimization_history, plot_param_importances, plot_slice
from pandera.typing import Series

from lungfuse.compare.family import shown_as_family
from lungfuse.compare.results import Results
from lungfuse.plan.runs import run_names, run_numbers
from lungfuse.report.forest import METRIC
from lungfuse.report.style import WIDTH
from lungfuse.search.optuna_study import rebuilt
from lungfuse.search.trials import Trial, best_of, read_trials
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.search import SearchConfig
from lungfuse.tables.base import Table, columns

TITLE, SECTION, ORDER = "Searches for settings", "Training", 4
CAPTION = (
    "Each fold has its own search, on its training and validation pairs alone. Optimism is the score of the best "
    "trial on the validation pairs that selected it, minus the score of its settings on the test pairs of the fold. "
    "A gain is that of the searched model over the same model with as many random trials, or with the settings of "
    "params.yaml, on the same test pairs; intervals are simultaneous (max-T). Importance is PED-ANOVA's. In the "
    "figure, by Optuna: the score of each trial (points) and the best one so far (line), with the standard "
    "deviation of the folds; the importance of each setting; and all trials by each setting, as far above the mean "
    "trial of their fold, late ones dark. Pruned trials have no score."
)
WANTED = ["searches"]
READS = ["predicted", "searched_files"]
SETTINGS = ["intervals", "study.seed"]
MIN_TRIALS = 4  # that were not pruned, below which nothing is said of importance
LINE = 2.3  # inches


class Searches(Table):
    """One row a searched model and training, and where `fold` is empty one of all its trainings and `against`.

    `settings` are those that were best, by their names; `importance` is what each is worth (PED-ANOVA, Watanabe et al.,
    2023), in [0, 1]. `inner` is the score of the best trial on validation pairs, `outer` that on the test pairs of the
    fold, `optimism` their difference; all by the score that models are compared by. `gain` is that of the model over
    `against`: the same with another sampler, or without a search.
    """

    model: Series[str]
    sampler: Series[str]
    repeat: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    fold: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    trials: Series[int]
    pruned: Series[int]
    settings: Series[str]
    importance: Series[str]
    inner: Series[float]
    outer: Series[float] = pa.Field(nullable=True)
    optimism: Series[float] = pa.Field(nullable=True)
    against: Series[str]
    gain: Series[float] = pa.Field(nullable=True)
    gain_low: Series[float] = pa.Field(nullable=True)
    gain_high: Series[float] = pa.Field(nullable=True)
    p: Series[float] = pa.Field(nullable=True)
    p_corrected: Series[float] = pa.Field(nullable=True)


TABLE = Searches
Trials = dict[str, list[Trial]]
"""Those of a model, by the training that they are of."""


def compute(results: Results, intervals: Intervals, seed: int) -> pd.DataFrame:
    """The table `Searches`, from the trials of all searches and the predictions of the models."""
    scored, found, gains, gained = results.scored, [], [], []
    for number, trials in searched(results).items():
        of_folds = [of_fold(results, number, run, each) for run, each in trials.items()]
        found += of_folds
        every = summary(
            of_folds, importances([each for run in trials.values() for each in run], results.models[number])
        )
        others = counterparts(results.models, number)
        gains += [scored.gain(scored.trainings[number], scored.trainings[other]) for other in others]
        for other in others or [None]:
            found.append(every | {"against": "" if other is None else results.names[other]})
            gained += [found[-1]] if others else []
    for row, shown in zip(
        gained, shown_as_family(gains, scored, intervals.confidence, seed, named_as="gain"), strict=True
    ):
        row |= shown
    return pd.DataFrame(found, columns=columns(Searches)).round(6)


def searched(results: Results) -> dict[int, Trials]:
    """The trials of the models that are searched for, by their positions."""
    found = {}
    for number, config in enumerate(results.models):
        if config.search:
            runs = run_names(config.folds, results.joined[number]["repeat"].nunique())
            found[number] = {run: read_trials(config, run, config.search.rounds) for run in runs}
    return found


def of_fold(results: Results, number: int, run: str, trials: list[Trial]) -> dict[str, object]:
    """The row of a training."""
    (fold, repeat), config, best = run_numbers(run), results.models[number], best_of(trials)
    training = results.scored.trainings[number][repeat].of_fold[:, fold]
    outer = float(np.nanmean(training)) if np.isfinite(training).any() else np.nan
    row = {"model": results.names[number], "sampler": config.search.sampler, "repeat": repeat, "fold": fold}
    row |= {"trials": len(trials), "pruned": sum(each.outcome.pruned for each in trials)}
    settings = ", ".join(f"{name} {as_text(value)}" for name, value in best.config.point.items())
    row |= {"settings": settings, "importance": importances(trials, config), "against": ""}
    inner = best.outcome.value
    return row | {"inner": inner, "outer": outer, "optimism": inner - outer}


def summary(of_folds: list[dict], importance: str) -> dict[str, object]:
    """The row of all trainings of a model."""
    table = pd.DataFrame(of_folds)
    means = table[["inner", "outer", "optimism"]].mean().to_dict()
    row = {"model": table["model"][0], "sampler": table["sampler"][0], "settings": "", "importance": importance}
    return row | means | {name: int(table[name].sum()) for name in ["trials", "pruned"]}


def importances(trials: list[Trial], config: ModelConfig) -> str:
    """What each setting is worth, the most important first; nothing where the trials do not differ."""
    values = {each.outcome.value for each in trials if not each.outcome.pruned}
    if len(values) < 2 or sum(not each.outcome.pruned for each in trials) < MIN_TRIALS:
        return ""
    found = optuna.importance.get_param_importances(rebuilt(config.search, trials))
    return ", ".join(f"{name} {value:.2f}" for name, value in found.items())


def pooled(trials: Trials) -> list[Trial]:
    """The trials of all trainings in the order in which they were asked for, with values above the mean of each."""
    found = []
    for each in trials.values():
        mean = np.mean([trial.outcome.value for trial in each if not trial.outcome.pruned])
        found.append([_above(mean, trial) for trial in each])
    return [trial for together in zip(*found, strict=True) for trial in together]


def _above(mean: float, trial: Trial) -> Trial:
    value = None if trial.outcome.pruned else trial.outcome.value - mean
    return Trial(trial.config, trial.outcome.model_copy(update={"value": value}))


def as_text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def counterparts(models: list[ModelConfig], number: int) -> list[int]:
    """The same model searched for at random, and without a search, by their positions."""
    own = models[number]
    found = []
    if own.search.sampler != "random":
        at_random = own.search.model_copy(update={"sampler": "random"})
        found += [n for n, other in enumerate(models) if _same(other, own) and other.search == at_random]
    return found + [n for n, other in enumerate(models) if _same(other, own) and other.search is None]


def _same(other: ModelConfig, own: ModelConfig) -> bool:
    return other.model_dump(exclude={"name", "search"}) == own.model_dump(exclude={"name", "search"})


def draw(results: Results, above: str) -> Figure:
    """Of each model Optuna's plots: the history and the importances, and below them the slices."""
    found = searched(results)
    figure = plt.figure(figsize=(WIDTH, 2 * LINE * len(found) + 0.5), layout="constrained")
    FigureCanvasAgg(figure)  # Optuna measures its texts, which the canvas of an SVG cannot
    figure.suptitle(above, x=0.01, ha="left", fontsize="large")
    parts = figure.subfigures(len(found), 1, squeeze=False)[:, 0]
    for part, (number, trials) in zip(parts, found.items(), strict=True):
        part.suptitle(results.names[number], x=0.01, ha="left", fontsize="medium")
        draw_search(part, results.models[number].search, trials)
    return figure


def draw_search(part: SubFigure, search: SearchConfig, trials: Trials) -> None:
    """The plots of a search."""
    metric, studies = METRIC[search.metric], [rebuilt(search, each) for each in trials.values()]
    upper, lower = part.subfigures(2, 1)
    left, right = upper.subfigures(1, 2)
    every = rebuilt(search, pooled(trials))
    with drawn_into(left):
        plot_optimization_history(studies, target_name=metric, error_bar=len(studies) > 1)
    with drawn_into(right):
        plot_param_importances(every)
    with drawn_into(lower):
        plot_slice(every, target_name=f"{metric}, to the mean")
    right.get_axes()[0].set(xlabel="importance", ylabel="")
    lower.suptitle("")
    for axes in [*left.get_axes(), *right.get_axes(), *lower.get_axes()]:
        tidy(axes)


@contextmanager
def drawn_into(part: SubFigure) -> Iterator[None]:
    """Let plots of Optuna, each of which makes a figure of a style of its own, be a part of one in ours."""
    with patch.object(plt, "figure", lambda **_: part), patch.object(plt.style, "use"):
        yield


def tidy(axes: Axes) -> None:
    """Small texts, so that the names of settings have room, and no titles that the caption has."""
    axes.set_title("", loc="left")
    axes.set_title("")
    axes.tick_params(labelsize="x-small")
    for text in [axes.xaxis.label, axes.yaxis.label, *axes.texts]:
        text.set_fontsize("x-small")
    if legend := axes.get_legend():
        legend.remove()
    if axes.get_xscale() == "log":
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())

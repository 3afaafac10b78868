"""The trials of a search: what was proposed in a fold, and how good it is on the validation pairs of the fold."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import Field

from lungfuse.errors import UserError
from lungfuse.files import atomic_write
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import read_model
from lungfuse.plan.search_space import trials_of
from lungfuse.settings.base import Settings
from lungfuse.settings.json_files import read_json
from lungfuse.settings.model import ModelConfig
from lungfuse.tasks import Task

DIGITS = 6
MIN_CURVES = 4  # trainings without which a median decides nothing
FIRST_EPOCH = 1  # at which a training may be ended, from 0: the first one is most of the warm-up


class Outcome(Settings):
    """How good a proposal is: the metric of the search on validation pairs, in [0, 1]; none of a pruned training.

    `curve` is the same after each epoch, of networks.
    """

    value: float | None = None
    curve: list[float | None] = Field(default=[])
    pruned: bool = False


class Trial(NamedTuple):
    """A proposal, and how good it is."""

    config: ModelConfig
    outcome: Outcome


def read_trials(config: ModelConfig, run: str, rounds: int) -> list[Trial]:
    """The trials of the first rounds of the search of a model in a fold, in the order in which they were asked for.

    Raises:
        UserError: a file is missing or damaged.
    """
    layout, which = Layout(config.study), trials_of(config.search, rounds)
    files = [(layout.proposal(config.name, run, *each), layout.outcome(config.name, run, *each)) for each in which]
    return [Trial(read_model(proposal), read_outcome(outcome)) for proposal, outcome in files]


def read_outcome(file: Path) -> Outcome:
    """What a trial has found.

    Raises:
        UserError: the file is missing or damaged.
    """
    return read_json(file, Outcome, "the outcome of a trial")


def write_outcome(outcome: Outcome, file: Path) -> None:
    """Write what a trial has found."""
    with atomic_write(file) as stream:
        stream.write(outcome.model_dump_json(indent=2) + "\n")


def validated(task: Task, targets: np.ndarray, scores: np.ndarray, metric: str) -> float:
    """A metric of scores (pair, score column) of validation pairs with `targets` (pair, label column).

    Raises:
        UserError: it is not defined, for no label of the pairs is both 0 and 1.
    """
    found = task.validated(targets, scores)[metric]
    if not np.isfinite(found):
        raise UserError(
            f"search: the {len(targets)} validation pairs have one class alone, so no settings are better than others "
            f"by {metric}; expected some of each. Raise split.validation, or add pairs."
        )
    return round(found, DIGITS)


def best_of(trials: Sequence[Trial]) -> Trial:
    """The best trial that was not pruned; of equal ones the first."""
    return max((each for each in trials if not each.outcome.pruned), key=lambda each: each.outcome.value)


def medians(trials: Sequence[Trial]) -> list[float]:
    """The median of the curves of trials that were not pruned, epoch by epoch, as long as there are enough of them."""
    curves, found = [each.outcome.curve for each in trials if not each.outcome.pruned], []
    while len(values := [curve[len(found)] for curve in curves if len(curve) > len(found)]) >= MIN_CURVES:
        found.append(float(np.median([np.nan if value is None else value for value in values])))
    return found


def falls_behind(curve: Sequence[float], bars: Sequence[float]) -> bool:
    """Whether the best epoch of a training so far is below the median of others at its last epoch.

    As the median rule of Golovin et al. (Google Vizier, 2017), which Optuna has too.
    """
    epoch = len(curve) - 1
    return FIRST_EPOCH <= epoch < len(bars) and bool(np.max(curve) < bars[epoch])

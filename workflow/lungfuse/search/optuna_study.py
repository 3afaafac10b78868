"""A search as a study of Optuna in memory, rebuilt from its trials."""

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from lungfuse.plan.runs import run_numbers
from lungfuse.search.trials import Trial
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.search import Interval, SearchConfig

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

STARTUP = 4  # the share 1 / STARTUP of all trials is drawn at random before TPE learns from them


def rebuilt(search: SearchConfig, trials: Sequence[Trial], seed: int = 0) -> optuna.Study:
    """The study of a search, whose trials were asked for in this order."""
    study = optuna.create_study(direction="maximize", sampler=_sampler(search, seed))
    space = distributions(search)
    for config, outcome in trials:
        curve = {epoch: value for epoch, value in enumerate(outcome.curve) if value is not None}
        study.add_trial(
            create_trial(
                state=TrialState.PRUNED if outcome.pruned else TrialState.COMPLETE,
                params={name: _as_parameter(config.point.get(name), space[name]) for name in space},
                distributions=space,
                value=outcome.value,
                intermediate_values=curve,
            )
        )
    return study


def seed_of(config: ModelConfig, run: str, number: int) -> int:
    """The seed of the sampler in a round of a fold."""
    fold, repeat = run_numbers(run)
    return int(np.random.SeedSequence([config.seed, repeat, fold, number]).generate_state(1)[0])


def distributions(search: SearchConfig) -> dict[str, BaseDistribution]:
    """The space of a search, by the names of settings."""
    return {name: _distribution(dimension) for name, dimension in search.space.items()}


def point_of(params: dict[str, Any], search: SearchConfig) -> dict[str, Any]:
    """Values of settings from what Optuna has asked for."""
    found = {}
    for name, value in params.items():
        dimension = search.space[name]
        found[name] = value if isinstance(dimension, Interval) else _choice(value, dimension)
    return found


def _sampler(search: SearchConfig, seed: int) -> BaseSampler:
    if search.sampler == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, n_startup_trials=max(search.width, search.rounds * search.width // STARTUP))


def _distribution(dimension: Interval | list) -> BaseDistribution:
    if isinstance(dimension, list):
        return CategoricalDistribution([_as_category(value) for value in dimension])
    if dimension.whole:
        step = {} if dimension.step is None else {"step": int(dimension.step)}
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log, **step)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log, step=dimension.step)


def _as_parameter(value: Any, distribution: BaseDistribution) -> Any:
    return _as_category(value) if isinstance(distribution, CategoricalDistribution) else value


def _as_category(value: Any) -> Any:
    """A choice as Optuna takes it: lists as JSON."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def _choice(category: Any, choices: list) -> Any:
    return next(value for value in choices if _as_category(value) == category)

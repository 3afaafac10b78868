"""Propose the settings of a round of a search."""

from pathlib import Path

from optuna.trial import TrialState

from lungfuse.errors import UserError
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import read_model, write_model
from lungfuse.plan.search_space import config_at
from lungfuse.predict.consistency import check_model
from lungfuse.search.optuna_study import distributions, point_of, rebuilt, seed_of
from lungfuse.search.trials import read_trials
from lungfuse.settings.model import ModelConfig

ATTEMPTS = 100  # to find settings that go together


def main(*, model: Path, run: str, round: int) -> None:
    """Write the files of the models that a round tries in a fold, from what earlier rounds have found there.

    Parameters
    ----------
    model
        The file of the model that is searched for, which the workflow writes.
    run
        <fold> or <fold>_repeat<n>: the training whose settings are searched for.
    round
        Number of the round, from 0.
    """
    config = read_model(model)
    for trial, proposed in enumerate(proposals(config, run, round)):
        print(f"trial {trial}: {', '.join(f'{name} {value}' for name, value in proposed.point.items())}")
        write_model(proposed, Layout(config.study).proposal(config.name, run, round, trial))


def proposals(config: ModelConfig, run: str, number: int) -> list[ModelConfig]:
    """The models that a round tries; the same whenever it is asked.

    Raises:
        UserError: hardly any settings of the space go together.
    """
    study = rebuilt(config.search, read_trials(config, run, number), seed_of(config, run, number))
    space, found, problem = distributions(config.search), [], ""
    for _ in range(ATTEMPTS * config.search.width):
        asked = study.ask(space)
        try:
            proposed = config_at(config, point_of(asked.params, config.search))
            check_model(proposed)
        except ValueError as error:
            study.tell(asked, state=TrialState.FAIL)
            problem = str(error)
            continue
        found.append(proposed)
        if len(found) == config.search.width:
            return found
    raise UserError(
        f"models.{config.name}.search.space: found {len(found)} of {config.search.width} settings that go together in "
        f"{ATTEMPTS * config.search.width} tries; the last ones did not: {problem}. Narrow the space."
    )

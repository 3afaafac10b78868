"""Fit an estimator as a search proposes it, and score it on the validation pairs of the fold."""

from pathlib import Path

from lungfuse.ingest.parts import fold_indices, read_split, without_test_labels
from lungfuse.models import model_spec
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import read_model
from lungfuse.plan.runs import run_numbers
from lungfuse.search.trials import Outcome, validated, write_outcome
from lungfuse.tasks import load_task
from lungfuse.train.estimators import build, learner
from lungfuse.train.fit import read_inputs


def main(*, model: Path, run: str, round: int, trial: int) -> None:
    """Fit an estimator on the pairs that a fold learns from; its test pairs have no part in it.

    Parameters
    ----------
    model
        The file of the model as it is proposed.
    run
        <fold> or <fold>_repeat<n>: the training whose settings are searched for.
    round
        Number of the round, from 0.
    trial
        Number of the proposal in the round, from 0.
    """
    config, (fold, repeat) = read_model(model), run_numbers(run)
    layout, task = Layout(config.study), load_task(config.task, config.labels)
    search = read_model(layout.model(config.name)).search
    pairs, validation = read_split(layout.split).of_repeat(repeat)
    train, val, _ = fold_indices(pairs, validation, fold)
    pairs = without_test_labels(pairs, fold, task)
    inputs, targets = read_inputs(config, layout, pairs), task.targets(pairs)
    groups = pairs["group"].to_numpy() if model_spec(config.architecture).grouped else None
    learn = learner(build(config, repeat, **inputs.known), inputs.values, targets, task, groups)
    value = validated(task, targets[val], learn(train, val)[0].round(6), search.metric)
    write_outcome(Outcome(value=value), layout.outcome(config.name, run, round, trial))

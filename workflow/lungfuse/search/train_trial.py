"""Train a network as a search proposes it, and score it on the validation pairs of the fold."""

from pathlib import Path

import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback

from lungfuse.plan.layout import Layout
from lungfuse.plan.model import read_model
from lungfuse.search.trials import Outcome, falls_behind, medians, read_trials, validated, write_outcome
from lungfuse.train.classifier import Classifier
from lungfuse.train.engine import History, predict, remove_checkpoints
from lungfuse.train.train import prepared


class Pruning(Callback):
    """Ends a training that falls behind the medians of others, also when it is resumed after that."""

    def __init__(self, metric: str, bars: list[float]):
        self.metric, self.bars = metric, bars

    def on_train_start(self, trainer: lightning.Trainer, module: Classifier) -> None:
        self._stop(trainer)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: Classifier) -> None:
        self._stop(trainer)

    def _stop(self, trainer: lightning.Trainer) -> None:
        history = next(each for each in trainer.callbacks if isinstance(each, History))
        curve = [record[f"validation_{self.metric}"] for record in history.records]
        trainer.should_stop |= falls_behind(curve, self.bars)


def main(*, model: Path, run: str, round: int, trial: int, threads: int = 1) -> None:
    """Train a network on the pairs that a fold learns from; its test pairs have no part in it.

    A killed training resumes after its last finished epoch.

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
    threads
        Processor threads.
    """
    config = read_model(model)
    layout = Layout(config.study)
    searched = read_model(layout.model(config.name))
    metric, pruned_by = searched.search.metric, []
    if searched.search.prune:
        pruned_by = medians(read_trials(searched, run, round))
    file, training = layout.outcome(config.name, run, round, trial), prepared(config, run, threads, tested=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    record = training.fit(file.parent, [Pruning(metric, pruned_by)], known=str(pruned_by))
    curve = record[f"validation_{metric}"].round(6).tolist()
    outcome = Outcome(curve=[None if np.isnan(value) else value for value in curve], pruned=True)
    if len(curve) == config.train.epochs or not falls_behind(curve, pruned_by):
        scores = predict(training.module, training.dataset, training.val).round(6)
        value = validated(training.task, training.dataset.targets[training.val], scores, metric)
        outcome = outcome.model_copy(update={"value": value, "pruned": False})
    write_outcome(outcome, file)
    remove_checkpoints(file.parent)

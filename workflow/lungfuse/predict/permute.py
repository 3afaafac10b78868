"""What a trained model scores where one of its inputs is shuffled among the pairs that it is tested on.

Nothing is trained, and no encoder reads a pair twice: a shuffle only gives each pair the tokens of another one.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lungfuse.errors import UserError
from lungfuse.ingest.parts import fold_indices, folds_of, read_split
from lungfuse.models import kind_spec
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import of_fold, read_model
from lungfuse.predict.permuted import Fold, Scorer, estimator_scorer, late_scorer, network_scorer
from lungfuse.processor import keep_freed_memory
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.training import PermutedScores, Predictions
from lungfuse.tasks import Task, load_task
from lungfuse.train.predictions import DIGITS

PERMUTATIONS = 10
AGREES = 1e-3  # how much a score may differ from that of the training, made in batches of other pairs


def main(*, model: Path, threads: int = 1) -> None:
    """Score the test pairs of each fold of the first training, each input of the model shuffled among them in turn.

    Parameters
    ----------
    model
        The file of the model, which the workflow writes.
    threads
        Processor threads.
    """
    torch.set_num_threads(threads)
    keep_freed_memory()
    config = read_model(model)
    layout, task = Layout(config.study), load_task(config.task, config.labels)
    pairs, validation = read_split(layout.split).of_repeat(0)
    file, tables = layout.predictions(config.name)["predictions"], []
    known = read_table(file, Predictions)
    known = known[known["repeat"] == 0].set_index("pair_id")
    for number in folds_of(pairs):
        train, _, test = fold_indices(pairs, validation, number)
        fold = Fold(int(number), pairs, train, test)
        score, ids = scorer_of(config, fold, task), pairs["pair_id"].iloc[test]
        intact = score({})
        check_scores(intact, task.of("score", known.loc[ids]), ids, file)
        found = {("", 0): intact} | permuted(score, list(config.inputs), len(test), seed=[config.seed, int(number)])
        for (modality, permutation), scores in found.items():
            rows = pd.DataFrame(scores, columns=task.columns("score")).round(DIGITS)
            tables.append(rows.assign(pair_id=ids.to_numpy(), fold=number, modality=modality, permutation=permutation))
    write_table(pd.concat(tables), layout.permuted(config.name), PermutedScores)


def scorer_of(config: ModelConfig, fold: Fold, task: Task) -> Scorer:
    """Scores the test pairs of a fold with what a model has learned in it."""
    kind = kind_spec(config.architecture)
    if not kind.combines:
        trained = of_fold(config, str(fold.number))
        return (network_scorer if kind.trained else estimator_scorer)(trained, fold, task)
    layout = Layout(config.study)
    parts = [read_model(layout.model(part)) for part in config.parts.values()]
    # A part of one input is not scored again: its scores are shuffled as the input would be.
    fusing = {part.name: scorer_of(part, fold, task) for part in parts if len(part.inputs) > 1}
    return late_scorer(config, parts, fusing, fold, task)


def permuted(
    score: Scorer, modalities: list[str], count: int, seed: list[int]
) -> dict[tuple[str, int], np.ndarray]:  # fmt: skip
    """The scores by the modality that is shuffled and the number of the shuffle, from 1, (pair, score column) each."""
    rng, found = np.random.default_rng(seed), {}
    for permutation in range(1, PERMUTATIONS + 1):
        order = rng.permutation(count)  # the same for all modalities, so that they are compared on the same pairs
        found |= {(modality, permutation): score({modality: order}) for modality in modalities}
    return found


def check_scores(scores: np.ndarray, known: np.ndarray, ids: pd.Series, file: Path) -> None:
    """See that what was loaded scores as it did when it was trained; both (pair, score column).

    Raises:
        UserError: it does not.
    """
    apart = np.abs(scores - known).max(axis=1)
    if not (apart < AGREES).all():
        worst = int(np.nan_to_num(apart, nan=np.inf).argmax())
        raise UserError(
            f"{file}: found the score {known[worst]} of the pair {ids.iloc[worst]}, but the trained model gives it "
            f"{scores[worst].round(DIGITS)}: they are of two trainings. Train the model again."
        )

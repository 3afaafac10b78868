"""Train a network on the training folds of one fold, and predict that fold."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from lightning.pytorch.callbacks import Callback

from lungfuse.dependencies import digest
from lungfuse.files import sha256
from lungfuse.hardware import machine
from lungfuse.ingest.parts import fold_indices, inner_indices, read_split, seed_of_repeat, without_test_labels
from lungfuse.models import model_spec
from lungfuse.plan.features import feature_set, reads_features
from lungfuse.plan.job import Files, flat
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import as_json, read_model
from lungfuse.plan.reads import modules_of, role_files, training_files
from lungfuse.plan.runs import INNER_FOLDS, inner_number, run_numbers
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import write_table
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import Task, load_task
from lungfuse.train.classifier import Classifier
from lungfuse.train.cost import cost_of
from lungfuse.train.data import PairDataset, data_files_of, sources_of
from lungfuse.train.engine import (
    fit,
    predict,
    remove_checkpoints,
    seed_and_limit_threads,
    write_trained,
)
from lungfuse.train.memory import peak_memory_mb
from lungfuse.train.networks import build_module, fitted_of, starts_of
from lungfuse.train.precision import uses_bf16
from lungfuse.train.starts import with_starts
from lungfuse.train.teachers import out_of_fold_scores
from lungfuse.train.trained import split_digest, write_trained_settings
from lungfuse.tuning import tuning


def main(*, model: Path, run: str, threads: int = 1) -> None:
    """Train a network for one fold.

    A killed training resumes after its last finished epoch and ends with the same weights.

    Parameters
    ----------
    model
        The file of the model, which the workflow writes.
    run
        <fold>, the fold that is predicted and never trained on, or <fold>_repeat<n>: each repeat has other folds,
        and other weights, batches and dropout to start with. An inner training, <fold>_inner<n>, leaves out a part of
        the pairs to learn from, and predicts it in place of the fold.
    threads
        Processor threads.
    """
    training = prepared(read_model(model), run, threads)
    config, task = training.config, training.task
    outputs = Layout(config.study).network(config.name, run)
    folder = outputs["weights"].parent
    folder.mkdir(parents=True, exist_ok=True)
    record = training.fit(folder)
    scores = [training.scored(part) for part in ["validation", "test"]]
    fold, repeat = run_numbers(run)
    write_table(pd.concat(scores).assign(fold=fold, repeat=repeat), outputs["fold_predictions"], FoldPredictions)
    write_trained(training.module, record, outputs["weights"], outputs["history"])
    made = {"fold": fold, "repeat": repeat, "fitted": fitted_of(training.dataset.sources)}
    made |= {"split": split_digest(Layout(config.study).split)}
    made |= {"starts": {name: os.path.relpath(start, folder) for name, start in starts_of(config, run).items()}}
    made |= {"calibration": task.calibrate(task.of("score", scores[0]), task.targets(scores[0]))}
    made |= {"seconds_per_epoch": float(record["seconds"].mean()), "peak_memory_mb": peak_memory_mb()}
    made |= cost_of(training.module, training.dataset, config, training.test)
    made |= {"machine": f"{machine()}, {'bf16' if uses_bf16(config.train.precision) else 'fp32'}"}
    used = [outputs["weights"], *parts_to_predict(config, run)]
    write_trained_settings(config, made, used, outputs["settings"], training.files.get("mask_settings"))
    remove_checkpoints(folder)


@dataclass(frozen=True)
class Training:
    """A network before it is trained in a fold, and the pairs of the fold.

    `train`, `val` and `test` are positions in the table of pairs, (pair,); `files` is what is read besides it.
    """

    config: ModelConfig
    run: str
    seed: int
    task: Task
    pairs: pd.DataFrame
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    files: Files
    dataset: PairDataset
    module: Classifier

    def fit(self, folder: Path, more: Sequence[Callback] = (), known: str = "") -> pd.DataFrame:
        """Train, see `lungfuse.train.engine.fit`; `known` is what else decides the outcome."""
        decided = fingerprint(self.config, self.run, self.files) + known
        return fit(self.module, self.dataset, self.train, self.val, folder, self.seed, decided, more)

    def scored(self, part: str) -> pd.DataFrame:
        """The scores of the pairs of a part, `FoldPredictions` without fold and repeat."""
        positions = {"validation": self.val, "test": self.test}[part]
        scores = predict(self.module, self.dataset, positions).round(6)
        return scored_pairs(self.task, self.pairs.iloc[positions], scores).assign(part=part)


def prepared(config: ModelConfig, run: str, threads: int, tested: bool = True) -> Training:
    """A network with all that it reads; unless it is `tested`, without the labels of the test pairs."""
    fold, repeat = run_numbers(run)
    seed = seed_of_repeat(config.seed, repeat) + fold
    seed_and_limit_threads(config.train.devices, threads, seed)
    layout, task = Layout(config.study), load_task(config.task, config.labels)
    pairs, validation = read_split(layout.split).of_repeat(repeat)
    train, val, test = fold_indices(pairs, validation, fold)
    pairs = pairs if tested else without_test_labels(pairs, fold, task)
    inner, targets = inner_number(run), task.targets(pairs)
    if inner is not None:
        train, test = inner_indices(
            pairs, task.strata(targets), train, inner, INNER_FOLDS, seed_of_repeat(config.seed, repeat)
        )
    parts = {role: read_model(layout.model(config.parts[role])) for role in model_spec(config.architecture).roles}
    files, known = training_files(config, run) | role_files(parts, run), np.concatenate([train, val])
    sources = sources_of(config, run, data_files_of(config, pairs, files), train)
    scores = {role: out_of_fold_scores(part, run, pairs, task, known) for role, part in parts.items()}
    dataset = PairDataset(targets, sources, scores)
    module = build_module(config, run, sources, task, targets[train], seed)
    return Training(config, run, seed, task, pairs, train, val, test, files, dataset, module)


def fingerprint(config: ModelConfig, run: str, files: Files) -> str:
    """All that decides the outcome of a training: settings, code, and the content of what it reads."""
    layout = Layout(config.study)
    read = flat([*layout.split.values(), *(found for kind, found in files.items() if kind != "mask_settings")])
    contents = {str(path): sha256(path) for path in read}
    code = digest(__name__, *modules_of(config))
    return json.dumps({"model": as_json(config), "run": run, "code": code, "contents": contents})


def parts_to_predict(config: ModelConfig, run: str) -> Iterable[Path]:
    """The files besides its weights that a trained network predicts with: encoders that have not learned, or that
    weights were added to, and tokenizers."""
    layout, frozen = Layout(config.study), reads_features(config) or tuning(config.train.layers).adds
    for modality in config.encoders:
        made = feature_set(config, modality, run)
        files = layout.encoder(made.encoder, modality)
        needed = list(files) if frozen else [kind for kind in files if kind in ("config", "tokenizer")]
        yield from (files[kind] for kind in needed)
        if frozen:
            yield from (path for start in made.start for path in with_starts(start, modality))


def scored_pairs(task: Task, pairs: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """Pairs with their labels and scores, a part of `FoldPredictions`; scores are (pair, score column)."""
    scored = pd.DataFrame(scores, pairs.index, task.columns("score"))
    return pairs[["pair_id", *task.columns("label")]].join(scored)

"""Models that are no networks: estimators on texts, structured columns or mean tokens, fitted fold by fold."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.files import temporary_files_in
from lungfuse.hardware import machine
from lungfuse.ingest.parts import Split, read_split
from lungfuse.modalities.structured.limits import limits_of
from lungfuse.modalities.text import text_of
from lungfuse.models import kind_spec, model_spec
from lungfuse.models.columns import as_values
from lungfuse.models.side_by_side import side_by_side, without
from lungfuse.plan.features import feature_sets
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import of_fold, read_model
from lungfuse.plan.runs import run_names, run_numbers
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Columns, Structured
from lungfuse.tasks import Task, load_task
from lungfuse.train.ablation import shuffled
from lungfuse.train.estimators import Inputs, Models, build, by_fold, learner, score, take
from lungfuse.train.kept import Measured, keep
from lungfuse.train.memory import peak_memory_mb
from lungfuse.train.predictions import write_predictions
from lungfuse.train.stored import mean_of, read_tokens
from lungfuse.train.trained import split_digest

TIMED = 256  # cases whose scoring is timed


@dataclass(frozen=True)
class EstimatorInputs:
    """What an estimator reads of all pairs, the records of `Columns` that it reads, and the modalities that it is given
    apart where it reads several."""

    values: Inputs
    columns: list[dict[str, Any]] = field(default_factory=list)
    modalities: list[str] = field(default_factory=list)

    @property
    def known(self) -> dict[str, Any]:
        """What the architecture learns about its inputs."""
        kinds = {"kinds": {column["name"]: column["kind"] for column in self.columns}}
        if self.modalities:
            return {"inputs": self.modalities} | kinds
        return kinds if self.columns else {}


def main(*, model: Path) -> None:
    """Fit an estimator on the training folds and predict each test fold.

    Parameters
    ----------
    model
        The file of the model, which the workflow writes.

    Raises:
        UserError: no pair has what the model reads.
    """
    config = read_model(model)
    layout, task = Layout(config.study), load_task(config.task, config.labels)
    split = read_split(layout.split)
    runs, outputs = run_names(config.folds, config.n_seeds or 1), layout.predictions(config.name)
    inputs = read_inputs(of_fold(config, runs[0]), layout, split.pairs)
    with temporary_files_in(outputs["predictions"].parent):
        folds = by_repeat(config, task, inputs, split)
        trainings = keep(folds, task, config, inputs.columns, split_digest(layout.split))
    write_predictions(split.pairs, trainings, task, outputs["predictions"], outputs["validated"])
    kept = {layout.fold_folder(config.name, run) for run in runs}
    for left in set(layout.model_folder(config.name).glob("fold*")) - kept:  # when more trainings were asked for
        shutil.rmtree(left)


def measured(inputs: Inputs, task: Task, models: Models) -> Measured:
    """What fitted estimators take: milliseconds a case, and the peak memory of this process."""
    first = np.arange(min(len(inputs), TIMED))
    began = time.perf_counter()
    score(models, take(inputs, first), task)
    ms = 1000 * (time.perf_counter() - began) / len(first)
    return {"ms_per_case": ms, "peak_memory_mb": peak_memory_mb(), "machine": machine()}


def by_repeat(
    config: ModelConfig, task: Task, inputs: EstimatorInputs, split: Split
) -> Iterator[tuple[pd.DataFrame, Models, Measured]]:
    """`FoldPredictions` of each fold of all repeats of a model, with what tested it and what that takes; see
    `by_fold`."""
    groups = split.pairs["group"].to_numpy() if model_spec(config.architecture).grouped else None
    for run in run_names(config.folds, config.n_seeds or 1):
        fold, repeat = run_numbers(run)
        pairs, validation = split.of_repeat(repeat)
        trained = of_fold(config, run)
        read = read_inputs(trained, Layout(config.study), split.pairs) if config.search else inputs
        estimator = build(trained, repeat, **read.known)
        learn = learner(estimator, read.values, task.targets(pairs), task, groups)
        for scores, models in by_fold(pairs, validation, task, learn, repeat, [fold]):
            yield scores, models, measured(read.values, task, models)


def read_inputs(config: ModelConfig, layout: Layout, pairs: pd.DataFrame) -> EstimatorInputs:
    """What a model reads of all pairs: mean tokens, structured columns, texts, or several of these side by side."""
    if kind_spec(config.architecture).name == "classical":
        return read_several(config, layout, pairs)
    if config.encoders:
        return EstimatorInputs(np.hstack([*read_means(config, pairs["pair_id"]).values()]))
    if config.structured:
        return EstimatorInputs(*read_values(config, layout, pairs["pair_id"]))
    return EstimatorInputs(read_texts(layout.split["pairs"], pairs, config))


def read_several(config: ModelConfig, layout: Layout, pairs: pd.DataFrame) -> EstimatorInputs:
    """All inputs side by side; an ablation permutes one over all pairs, or leaves it out."""
    order = {name: np.arange(len(pairs)) for name in config.inputs}
    if config.ablation.startswith("shuffled"):
        order[config.changed] = shuffled(len(pairs), config.seed)
    texts = values = None
    columns: list[dict[str, Any]] = []
    means = {name: tokens[order[name]] for name, tokens in read_means(config, pairs["pair_id"]).items()}
    if config.text:
        texts = read_texts(layout.split["pairs"], pairs, config)[order["text"]]
    if config.structured:
        values, columns = read_values(config, layout, pairs["pair_id"])
        values = values.iloc[order["structured"]]
    frame, read = side_by_side(means, texts, values), list(config.inputs)
    if config.ablation.startswith("dropped"):
        frame = without(config.changed, frame)
        read.remove(config.changed)
    return EstimatorInputs(frame, columns, read)


def read_means(config: ModelConfig, pair_ids: pd.Series) -> dict[str, np.ndarray]:
    """The mean tokens of each encoder by modality, float32 of shape (pair, width); see `StoredTokens.means`.

    What a pair lacks, an image or a text, is missing in all places of its mean token. Of several images or texts it is
    the mean of those that a pair has.
    """

    def mean(modality: str) -> np.ndarray:
        return mean_of([read_tokens(made.folder, pair_ids).means() for made in feature_sets(config, modality)])

    return {modality: mean(modality) for modality in config.encoders}


def read_values(config: ModelConfig, layout: Layout, pair_ids: pd.Series) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The structured columns that a model reads, joined to pairs by id, and their records, of numbers with limits."""
    columns = read_columns(layout.structured["structured_columns"], config.structured).to_dict("records")
    kinds = {column["name"]: column["kind"] for column in columns}
    values = read_structured(layout.structured["structured"], kinds, pair_ids)
    return values, [each | limits_of(values[each["name"]]) if each["kind"] == "number" else each for each in columns]


def read_texts(path: Path, pairs: pd.DataFrame, config: ModelConfig) -> np.ndarray:
    """The section that a model reads, or several as one text, (pair,); anything for a model that reads nothing.

    Raises:
        UserError: no pair has it.
    """
    inputs = (text_of(pairs, config.text) if config.text else pairs["pair_id"]).to_numpy()
    if config.text and not (inputs != "").any():
        raise UserError(f"{path}: no pair has {config.text}, which {config.name} reads. Remove the model.")
    return inputs


def read_columns(path: Path, names: list[str]) -> pd.DataFrame:
    """`Columns` of these names, in their order.

    Raises:
        UserError: the dataset has no such column.
    """
    found = read_table(path, Columns)
    if missing := set(names) - set(found["name"]):
        raise UserError(
            f"{path}: found the columns {', '.join(found['name']) or 'none'}, expected {', '.join(sorted(missing))} "
            "too, which a model reads. Declare it in the dataset, or remove it from the model."
        )
    return found.set_index("name").loc[names].reset_index()


def read_structured(path: Path, kinds: dict[str, str], pair_ids: pd.Series) -> pd.DataFrame:
    """Structured columns as estimators take them, joined to pairs by id.

    Raises:
        UserError: a column or a pair is missing, or no pair has a value.
    """
    table = read_table(path, Structured).set_index("pair_id")
    if missing := set(kinds) - set(table):
        raise UserError(
            f"{path}: no column {', '.join(sorted(missing))}, which a model reads. Run the stage `split` again."
        )
    if absent := set(pair_ids) - set(table.index):
        raise UserError(f"{path}: {len(absent)} pairs have no row, {min(absent)} first. Run the stage `split` again.")
    values = as_values(table.loc[pair_ids], kinds)
    if values.isna().all(axis=None):
        raise UserError(f"{path}: no pair has {', '.join(kinds)}, which a model reads. Remove the model.")
    return values

"""Trained models of every kind, as functions of which pair each input of a test pair is taken from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

from lungfuse.encoders.network import Encoder
from lungfuse.modalities.data_files import Source
from lungfuse.modalities.several import parts_of, together
from lungfuse.models import load_model
from lungfuse.plan.features import feature_set
from lungfuse.plan.layout import Layout
from lungfuse.plan.names import ESTIMATOR, FOLD_PREDICTIONS
from lungfuse.predict.folders import checked, read_settings
from lungfuse.settings.model import ModelConfig
from lungfuse.tasks import Task
from lungfuse.train.data import Features, PairDataset, in_order, to_device
from lungfuse.train.estimators import Inputs, score, take
from lungfuse.train.features import encode
from lungfuse.train.fit import read_inputs
from lungfuse.train.kept import unpacked
from lungfuse.train.late import read_parts
from lungfuse.train.networks import trained_network
from lungfuse.train.stored import read_tokens
from lungfuse.train.trained import LateSettings

Orders = dict[str, np.ndarray]
Scorer = Callable[[Orders], np.ndarray]
"""The scores of test pairs, (pair, score column), each of which reads of some modalities what another one has: the one
at its place in the order, (pair,)."""


@dataclass(frozen=True)
class Fold:
    """The pairs of a study, and the positions of those that are learned from and tested in a fold of the first repeat,
    (pair,)."""

    number: int
    pairs: pd.DataFrame
    train: np.ndarray
    test: np.ndarray


def network_scorer(config: ModelConfig, fold: Fold, _: Task) -> Scorer:
    """A network; what its own encoders make of each pair is kept."""
    module, sources = trained_network(config, str(fold.number), fold.pairs, fold.train)
    count, device = len(fold.test), torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sources = {name: source.reordered(fold.test) for name, source in sources.items()}
    sources |= {name: encoded(encoder, sources[name], count) for name, encoder in module.encoders.items()}
    module.encoders = nn.ModuleDict()
    module.eval().to(device)

    def scores(orders: Orders) -> np.ndarray:
        read = {name: each.reordered(orders[name]) if name in orders else each for name, each in sources.items()}
        dataset, found = PairDataset(np.zeros((count, 1)), read), []
        for positions in in_order(np.arange(count), 2 * config.train.batch_size):
            batch = to_device(dataset[positions], device)
            with torch.inference_mode():
                found.append(module.predict_step(batch, 0).cpu())
        return torch.cat(found).double().numpy()

    return scores


def encoded(encoder: Encoder, source: Source, count: int) -> Source:
    """The tokens that an encoder makes of a modality of `count` pairs, in fp32."""
    return together(_encoded(encoder, part, count) for part in parts_of(source))


def _encoded(encoder: Encoder, source: Source, count: int) -> Features:
    tokens = list(encode(encoder, source, count, "fp32"))
    counts = np.array([len(each) for each in tokens])
    return Features(np.concatenate(tokens), np.cumsum([0, *counts[:-1]]), counts, counts)


def estimator_scorer(config: ModelConfig, fold: Fold, task: Task) -> Scorer:
    """An estimator on several inputs side by side."""
    layout = Layout(config.study)
    models = unpacked(layout.fold_folder(config.name, str(fold.number)) / ESTIMATOR)
    inputs = take(read_inputs(config, layout, fold.pairs).values, fold.test)
    places = places_of(config, inputs, fold.pairs["pair_id"])

    def scores(orders: Orders) -> np.ndarray:
        read = inputs.copy()
        for name, order in orders.items():
            if isinstance(read, pd.DataFrame):
                read[places[name]] = inputs[places[name]].iloc[order].set_axis(inputs.index)
            else:
                read[:, places[name]] = inputs[order][:, places[name]]
        return score(models, read, task)

    return scores


def places_of(config: ModelConfig, inputs: Inputs, pair_ids: pd.Series) -> dict[str, list]:
    """The columns of the inputs of an estimator that hold each modality.

    They are those of the mean tokens of encoders one after the other, or in a frame such as begin with the name of a
    modality and a colon; the others are structured ones.
    """
    if isinstance(inputs, pd.DataFrame):
        begins = {name: [column for column in inputs if column.startswith(f"{name}:")] for name in config.inputs}
        return {name: found or [each for each in inputs if ":" not in each] for name, found in begins.items()}
    found, start = {}, 0
    for modality in config.encoders:
        width = read_tokens(feature_set(config, modality).folder, pair_ids).tokens.shape[1]
        found[modality], start = list(range(start, start + width)), start + width
    return found


def late_scorer(
    config: ModelConfig, parts: list[ModelConfig], fusing: dict[str, Scorer], fold: Fold, task: Task
) -> Scorer:
    """A late fusion by the scores of its parts; of those that read several inputs, `fusing` scores the pairs anew."""
    layout, architecture = Layout(config.study), load_model(config.architecture)
    folder = layout.late_settings(config.name).parent
    fitted = checked(LateSettings, read_settings(folder), folder).folds[fold.number].fitted
    files = tuple(layout.fold_folder(part.name, str(fold.number)) / FOLD_PREDICTIONS for part in parts)
    rows, known = read_parts(files, task)
    place = pd.Series(np.arange(len(rows)), rows["pair_id"])
    known = known[:, place.loc[fold.pairs["pair_id"].iloc[fold.test]].to_numpy()]

    def scores(orders: Orders) -> np.ndarray:
        found = known.copy()
        for n, part in enumerate(parts):
            changed = {name: order for name, order in orders.items() if name in part.inputs}
            if part.name in fusing and changed:
                found[n] = fusing[part.name](changed)
            elif changed:
                found[n] = known[n][orders[next(iter(changed))]]
        return architecture.fuse(found, fitted, task)

    return scores

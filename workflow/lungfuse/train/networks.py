"""Networks as their settings describe them, to be trained, or as they were trained."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from lungfuse.encoders import CONFIG, TOKENIZER, encoder_spec
from lungfuse.encoders.network import Encoder
from lungfuse.encoders.tokens import special_tokens, tokenize
from lungfuse.files import slug
from lungfuse.layers.blocks import PlaceMarks, Tokens
from lungfuse.modalities import encoded, load_inputs, load_modality
from lungfuse.modalities.data_files import Source
from lungfuse.modalities.text.inputs import pad
from lungfuse.models import load_model, model_spec
from lungfuse.plan.features import feature_set, reads_features
from lungfuse.plan.layout import Layout
from lungfuse.plan.names import ENCODER_ROOT
from lungfuse.plan.reads import training_files
from lungfuse.settings.model import ModelConfig
from lungfuse.tasks import Task, load_task
from lungfuse.train.classifier import Classifier
from lungfuse.train.data import data_files_of, sources_of
from lungfuse.train.starts import load_encoders


def build_module(
    config: ModelConfig, run: str, sources: dict, task: Task, known_targets: np.ndarray, seed: int
) -> Classifier:
    """The encoders that learn, what makes tokens of columns, and the model, before they are trained."""
    loaded = {} if reads_features(config) else load_encoders(config.encoders, starts_of(config, run), ENCODER_ROOT)
    tokenizers, network = build(config, fitted_of(sources), task, ENCODER_ROOT)
    if hasattr(network, "read_prompts") and reads_features(config):
        read = load_encoders({"text": config.encoders["text"]}, starts_of(config, run), ENCODER_ROOT)["text"]
        network.read_prompts(prompt_tokens(network, read))
    weights = task.weights(known_targets)
    weights = weights if config.class_weights == "balanced" else np.ones_like(weights, dtype=float)
    class_weights = torch.tensor(weights, dtype=torch.float32)
    return Classifier(loaded, tokenizers, network, task, config.train, class_weights, seed, loss_of(config))


def loss_of(config: ModelConfig) -> Callable[..., torch.Tensor] | None:
    """The loss of an architecture that has one of its own, with those of its settings that it asks for."""
    loss = getattr(load_model(config.architecture), "loss", None)
    asked = inspect.signature(loss).parameters if loss else {}
    return loss and partial(loss, **{name: value for name, value in config.settings.items() if name in asked})


def fitted_of(sources: dict) -> dict[str, list[dict]]:
    """What was measured on the pairs to learn from, of the modalities without an encoder."""
    return {name: source.fitted for name, source in sources.items() if source.fitted}


def build(
    config: ModelConfig, fitted: dict[str, list[dict]], task: Task, encoder_root: Path
) -> tuple[dict[str, nn.Module], nn.Module]:
    """What makes tokens of modalities without an encoder, or marks those of several inputs, by modality, and the model,
    with random weights.

    `fitted` is what was measured on the pairs to learn from, of these modalities.
    """
    width = config.fusion.get("width")
    tokenizers = {name: load_inputs(name).tokenizer(found, width) for name, found in fitted.items()}
    widths = dict.fromkeys(config.inputs, width)
    for modality, name in config.encoders.items():
        widths[modality] = encoder_spec(name, encoder_root / slug(name) / CONFIG).width
    for modality in encoded(config.inputs):
        if len(places := load_modality(modality).sources(config.inputs[modality])) > 1:
            tokenizers[modality] = PlaceMarks(len(places), widths[modality])
    fusion = {key: value for key, value in config.fusion.items() if key in model_spec(config.architecture).fusion}
    network = load_model(config.architecture).build(widths, task.outputs, **fusion, **config.settings)
    if hasattr(network, "read_prompts"):
        tokenizer = encoder_root / slug(config.encoders["text"]) / TOKENIZER
        texts = tokenize(pd.Series(network.texts), tokenizer, config.max_tokens)
        network.numbers = dict(zip(["ids", "mask"], pad(texts, special_tokens(tokenizer).padding), strict=True))
    return tokenizers, network


def prompt_tokens(network: nn.Module, encoder: Encoder) -> Tokens:
    """The tokens of the prompts of a network."""
    with torch.no_grad():
        return encoder.eval().tokens(network.numbers)


def starts_of(config: ModelConfig, run: str) -> dict[str, Path]:
    """The weights of other models from which encoders start in a training, by modality."""
    found = {modality: feature_set(config, modality, run).start for modality in config.encoders}
    return {modality: start[0] for modality, start in found.items() if start}


def trained_network(
    config: ModelConfig, run: str, pairs: pd.DataFrame, train: np.ndarray
) -> tuple[Classifier, dict[str, Source]]:
    """A network as it was trained on the pairs at `train`, and what it reads of all pairs."""
    task, files = load_task(config.task, config.labels), training_files(config, run)
    sources = sources_of(config, run, data_files_of(config, pairs, files), train)
    weights = Layout(config.study).network(config.name, run)["weights"]
    module = build_module(config, run, sources, task, task.targets(pairs)[train], seed=0)
    module.load_learned(weights)
    return module, sources

"""Encoders by name: networks that turn an image or a text into a sequence of tokens.

A folder is a modality, a file in it an encoder. The file holds

- SPEC: an `ImageSpec` or a `TextSpec`, where its weights are from and what its input has to look like;
- `network()`: the module of `lungfuse.encoders.networks` that builds it, imported when it is called: settings read the
  rest where networks are not installed.

Each is an artifact of three files (configuration, weights, tokenizer) that the stage `encoder` makes once, from a model
hub, from a package, or at random; after that nothing needs the net.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from lungfuse import registry
from lungfuse.errors import UserError

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"


@dataclass(frozen=True)
class Hub:
    """Weights of a repository of the Hugging Face hub, at one revision."""

    repository: str
    revision: str


@dataclass(frozen=True)
class Package:
    """Weights that a Python package of requirements.lock carries."""

    package: str
    file: str


@dataclass(frozen=True)
class Random:
    """Random weights, for the demo and for tests."""

    seed: int


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """Where the weights of an encoder are from, the width of its tokens, and how many layers its network has.

    `shape` is the configuration of its network, where its weights come without one.
    """

    source: Hub | Package | Random
    width: int
    layers: int
    shape: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ImageSpec(EncoderSpec):
    """An encoder of images.

    They are resized to `px` pixels (not, where it is 0: a convolutional network takes any size) and normalised by
    `mean` and `std` of intensities in [0, 1], one for all channels or one for each of red, green and blue.
    """

    px: int = 0
    mean: float | tuple[float, float, float] = 0.5
    std: float | tuple[float, float, float] = 0.5


@dataclass(frozen=True, kw_only=True)
class TextSpec(EncoderSpec):
    """An encoder of texts.

    They are cut after `max_tokens` tokens, unless a study says otherwise: the network has `positions` for so many.
    """

    max_tokens: int
    positions: int


def encoder_names(modality: str) -> list[str]:
    """The names of the encoders of a modality, sorted."""
    return list(registry.names(f"{__name__}.{modality}")) if modality in _folders() else []


def modality_of(name: str) -> str:
    """The modality that the encoder called `name` reads.

    Raises:
        UserError: there is no such encoder.
    """
    known = {each: modality for modality in _folders() for each in encoder_names(modality)}
    if name not in known:
        raise UserError(f"encoder: found {name!r}, expected one of {', '.join(known)}.")
    return known[name]


def encoder_module(name: str) -> str:
    """The module of the encoder called `name`.

    Raises:
        UserError: there is no such encoder.
    """
    return registry.module_of(f"{__name__}.{modality_of(name)}", name)


def encoder_spec(name: str) -> EncoderSpec:
    """What the encoder called `name` says of itself.

    Raises:
        UserError: there is no such encoder, or its file is wrong: it is named.
    """
    return load_part(name).SPEC


def load_part(name: str) -> ModuleType:
    """The module of the encoder called `name`, imported.

    Raises:
        UserError: there is no such encoder, or its file is wrong: it is named.
    """
    module = registry.imported(encoder_module(name))
    kind = {"image": ImageSpec, "text": TextSpec}.get(modality_of(name), EncoderSpec)
    if not isinstance(getattr(module, "SPEC", None), kind) or not callable(getattr(module, "network", None)):
        raise UserError(
            f"{module.__file__}: expected SPEC, an {kind.__name__}, and the function network. Write it as the files "
            "beside it are."
        )
    return module


@cache
def _folders() -> tuple[str, ...]:
    folders = {module.name for module in pkgutil.iter_modules(__path__) if module.ispkg}
    return tuple(sorted(folders - {"networks"}))

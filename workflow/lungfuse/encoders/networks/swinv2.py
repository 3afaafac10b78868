"""Swin Transformer V2: Liu et al., CVPR 2022, https://arxiv.org/abs/2111.09883."""

from typing import Any

from torch import Tensor, nn
from transformers import Swinv2Config, Swinv2Model

from lungfuse.encoders import Hub, ImageSpec
from lungfuse.encoders.networks import transformer

READS = "image"
MODEL_TYPES = ["swinv2"]


def build(config: dict[str, Any]) -> nn.Module:
    """Its attention is of cosines within windows, which is its own."""
    return Swinv2Model(Swinv2Config(**config), add_pooling_layer=False)


def layers(network: nn.Module) -> list[nn.Module]:
    blocks = (block for stage in network.encoder.layers for block in [*stage.blocks, stage.downsample])
    return [network.embeddings, *filter(None, blocks), network.layernorm]


def tokens(network: nn.Module, images: Tensor) -> Tensor:
    return network(pixel_values=images).last_hidden_state


def published(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    return transformer.published(Swinv2Model, Swinv2Config(**config), weights, add_pooling_layer=False)


def hub_spec(source: Hub, config: dict[str, Any]) -> ImageSpec:
    shape = Swinv2Config(**config)
    px, stages = config["input_size"] or shape.image_size, len(shape.depths)
    layers = 2 + sum(shape.depths) + stages - 1  # with the merging of patches between stages
    return transformer.image_spec(source, config, shape.hidden_size, layers, px)

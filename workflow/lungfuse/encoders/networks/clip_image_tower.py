"""The image tower of a CLIP: one token, the embedding of an image in the space that it shares with texts.

Radford et al., ICML 2021, https://arxiv.org/abs/2103.00020.
"""

from typing import Any

from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from lungfuse.encoders import Hub, ImageSpec
from lungfuse.encoders.networks import transformer

READS = "image"
MODEL_TYPES = ["clip_vision_model"]
TOWERS = {"clip": "vision_config"}


def build(config: dict[str, Any]) -> nn.Module:
    return CLIPVisionModelWithProjection(transformer.configured(CLIPVisionConfig, config))


def layers(network: nn.Module) -> list[nn.Module]:
    tower = network.vision_model
    return [tower.embeddings, *tower.encoder.layers, nn.ModuleList([tower.post_layernorm, network.visual_projection])]


def tokens(network: nn.Module, images: Tensor) -> Tensor:
    return network(pixel_values=images).image_embeds[:, None]


def published(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    return transformer.published(CLIPVisionModelWithProjection, CLIPVisionConfig(**config), weights)


def hub_spec(source: Hub, config: dict[str, Any]) -> ImageSpec:
    shape = CLIPVisionConfig(**config)
    layers = shape.num_hidden_layers + 2
    return transformer.image_spec(source, config, shape.projection_dim, layers, shape.image_size)

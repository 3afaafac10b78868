"""Vision transformers: Dosovitskiy et al., ICLR 2021, https://arxiv.org/abs/2010.11929."""

from typing import Any

from torch import Tensor, nn
from transformers import ViTConfig, ViTModel

from lungfuse.encoders import Hub, ImageSpec
from lungfuse.encoders.networks import transformer

READS = "image"
MODEL_TYPES = ["vit"]


def build(config: dict[str, Any]) -> nn.Module:
    return ViTModel(transformer.configured(ViTConfig, config), add_pooling_layer=False)


def layers(network: nn.Module) -> list[nn.Module]:
    return [network.embeddings, *transformer.layers(network), network.layernorm]


def tokens(network: nn.Module, images: Tensor) -> Tensor:
    return network(pixel_values=images).last_hidden_state


def random_shape(spec: ImageSpec) -> dict[str, Any]:
    return {
        "image_size": spec.px,
        "patch_size": 8,
        "hidden_act": "gelu",
        "hidden_size": spec.width,
        "intermediate_size": 2 * spec.width,
        "num_hidden_layers": spec.layers - 2,
        "num_attention_heads": 4,
        **spec.shape,
    }


def published(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    return transformer.published(ViTModel, ViTConfig(**config), weights, add_pooling_layer=False)


def hub_spec(source: Hub, config: dict[str, Any]) -> ImageSpec:
    shape = ViTConfig(**config)
    return transformer.image_spec(source, config, shape.hidden_size, shape.num_hidden_layers + 2, shape.image_size)

"""DINOv2, with registers or without. RAD-DINO is one of them.

Oquab et al., TMLR 2024, https://arxiv.org/abs/2304.07193; Darcet et al., ICLR 2024, https://arxiv.org/abs/2309.16588.
"""

from typing import Any

from torch import Tensor, nn
from transformers import (
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    PreTrainedConfig,
    PreTrainedModel,
)

from lungfuse.encoders import Hub, ImageSpec
from lungfuse.encoders.networks import transformer

READS = "image"
MODEL_TYPES = ["dinov2", "dinov2_with_registers"]


def build(config: dict[str, Any]) -> nn.Module:
    shape, model = _kind(config)
    network = model(transformer.configured(shape, config))
    network.embeddings.mask_token.requires_grad_(False)  # of its pre-training, where patches are left out
    return network


def layers(network: nn.Module) -> list[nn.Module]:
    return [network.embeddings, *transformer.layers(network), network.layernorm]


def tokens(network: nn.Module, images: Tensor) -> Tensor:
    """Of the class, of registers and of patches."""
    return network(pixel_values=images).last_hidden_state


def published(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    shape, model = _kind(config)
    return transformer.published(model, shape(**config), weights)


def hub_spec(source: Hub, config: dict[str, Any]) -> ImageSpec:
    shape = _kind(config)[0](**config)
    px = config["input_size"] or shape.image_size  # places are interpolated to any
    return transformer.image_spec(source, config, shape.hidden_size, shape.num_hidden_layers + 2, px)


def _kind(config: dict[str, Any]) -> tuple[type[PreTrainedConfig], type[PreTrainedModel]]:
    if config["model_type"] == "dinov2_with_registers":
        return Dinov2WithRegistersConfig, Dinov2WithRegistersModel
    return Dinov2Config, Dinov2Model

"""DINOv3, vision transformers with rotary places and registers: Siméoni et al., 2025, https://arxiv.org/abs/2508.10104."""

from typing import Any

from torch import Tensor, nn
from transformers import DINOv3ViTConfig, DINOv3ViTModel

from lungfuse.encoders import Hub, ImageSpec
from lungfuse.encoders.networks import transformer

READS = "image"
MODEL_TYPES = ["dinov3_vit"]


def build(config: dict[str, Any]) -> nn.Module:
    network = DINOv3ViTModel(transformer.configured(DINOv3ViTConfig, config))
    network.embeddings.mask_token.requires_grad_(False)  # of its pre-training, where patches are left out
    return network


def layers(network: nn.Module) -> list[nn.Module]:
    return [network.embeddings, *network.model.layer, network.norm]


def tokens(network: nn.Module, images: Tensor) -> Tensor:
    """Of the class, of registers and of patches."""
    return network(pixel_values=images).last_hidden_state


def published(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    return transformer.published(DINOv3ViTModel, DINOv3ViTConfig(**config), weights)


def hub_spec(source: Hub, config: dict[str, Any]) -> ImageSpec:
    shape = DINOv3ViTConfig(**config)
    px = config["input_size"] or shape.image_size
    return transformer.image_spec(source, config, shape.hidden_size, shape.num_hidden_layers + 2, px)

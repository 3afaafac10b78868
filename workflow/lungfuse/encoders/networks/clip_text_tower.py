"""The text tower of a CLIP: one token, the embedding of a text in the space that it shares with images.

Radford et al., ICML 2021, https://arxiv.org/abs/2103.00020.
"""

from typing import Any

from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from lungfuse.encoders import Hub, TextSpec
from lungfuse.encoders.networks import transformer
from lungfuse.errors import UserError

READS = "text"
MODEL_TYPES = ["clip_text_model"]
TOWERS = {"clip": "text_config"}


def build(config: dict[str, Any]) -> nn.Module:
    return CLIPTextModelWithProjection(CLIPTextConfig(**config))


def layers(network: nn.Module) -> list[nn.Module]:
    tower = network.text_model
    return [tower.embeddings, *tower.encoder.layers, nn.ModuleList([tower.final_layer_norm, network.text_projection])]


def embed(network: nn.Module, ids: Tensor) -> Tensor:
    return network.text_model.embeddings.token_embedding(ids)


def place(network: nn.Module, words: Tensor) -> Tensor:
    return words + network.text_model.embeddings.position_embedding.weight[: words.shape[1]]


def tokens(network: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """A text is read from left to right and represented by its last token, so what follows it changes nothing."""
    if ids.is_floating_point():
        raise UserError(
            "The text tower of a CLIP takes numbers of tokens, so a text that it reads cannot be explained."
        )
    return network(input_ids=ids.masked_fill(~mask, 0)).text_embeds[:, None]


def published(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    return transformer.published(CLIPTextModelWithProjection, CLIPTextConfig(**config), weights)


def hub_spec(source: Hub, config: dict[str, Any]) -> TextSpec:
    shape = CLIPTextConfig(**config)
    layers = shape.num_hidden_layers + 2
    return transformer.text_spec(source, shape.projection_dim, layers, shape.max_position_embeddings)

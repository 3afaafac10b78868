"""DistilBERT, half of BERT's layers: Sanh et al., 2019, https://arxiv.org/abs/1910.01108."""

from typing import Any

from torch import Tensor, nn
from transformers import DistilBertConfig, DistilBertModel

from lungfuse.encoders import Hub, TextSpec
from lungfuse.encoders.networks import bert, transformer

READS = "text"
MODEL_TYPES = ["distilbert"]

embed, tokens = bert.embed, bert.tokens


def build(config: dict[str, Any]) -> nn.Module:
    return DistilBertModel(transformer.configured(DistilBertConfig, config))


def layers(network: nn.Module) -> list[nn.Module]:
    return [network.embeddings, *network.transformer.layer]


def place(network: nn.Module, words: Tensor) -> Tensor:
    return words + network.embeddings.position_embeddings.weight[: words.shape[1]]


def published(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    return transformer.published(DistilBertModel, DistilBertConfig(**config), weights)


def hub_spec(source: Hub, config: dict[str, Any]) -> TextSpec:
    shape = DistilBertConfig(**config)
    return transformer.text_spec(source, shape.hidden_size, shape.num_hidden_layers + 1, shape.max_position_embeddings)

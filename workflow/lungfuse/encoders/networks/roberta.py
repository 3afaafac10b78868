"""RoBERTa and, in a hundred languages, XLM-R: Liu et al., 2019, https://arxiv.org/abs/1907.11692; Conneau et al., ACL
2020, https://arxiv.org/abs/1911.02116.

Networks as BERT, whose places are numbered from behind that of padding.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import RobertaConfig, RobertaModel

from lungfuse.encoders import Hub, TextSpec
from lungfuse.encoders.networks import bert, transformer

READS = "text"
MODEL_TYPES = ["roberta", "xlm-roberta", "camembert"]

layers, embed = bert.layers, bert.embed


def build(config: dict[str, Any]) -> nn.Module:
    return RobertaModel(transformer.configured(RobertaConfig, config), add_pooling_layer=False)


def place(network: nn.Module, words: Tensor) -> Tensor:
    segment = network.embeddings.token_type_embeddings.weight[0]
    return words + segment + network.embeddings.position_embeddings(_places(network, words))


def tokens(network: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    words = {"inputs_embeds" if ids.is_floating_point() else "input_ids": ids}
    found = network(**words, attention_mask=transformer.bias_of(mask), position_ids=_places(network, ids))
    return found.last_hidden_state


def published(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    return transformer.published(RobertaModel, RobertaConfig(**config), weights, add_pooling_layer=False)


def hub_spec(source: Hub, config: dict[str, Any]) -> TextSpec:
    shape = RobertaConfig(**config)
    positions = shape.max_position_embeddings - shape.pad_token_id - 1
    return transformer.text_spec(source, shape.hidden_size, shape.num_hidden_layers + 1, positions)


def _places(network: nn.Module, words: Tensor) -> Tensor:
    first = network.config.pad_token_id + 1
    return torch.arange(first, first + words.shape[1], device=words.device)[None]

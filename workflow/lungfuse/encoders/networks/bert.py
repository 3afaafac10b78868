"""BERT: Devlin et al., NAACL 2019, https://arxiv.org/abs/1810.04805."""

from typing import Any

from torch import Tensor, nn
from transformers import BertConfig, BertModel

from lungfuse.encoders import Hub, TextSpec
from lungfuse.encoders.networks import transformer

READS = "text"
MODEL_TYPES = ["bert"]


def build(config: dict[str, Any]) -> nn.Module:
    return BertModel(transformer.configured(BertConfig, config), add_pooling_layer=False)


def layers(network: nn.Module) -> list[nn.Module]:
    return [network.embeddings, *transformer.layers(network)]


def embed(network: nn.Module, ids: Tensor) -> Tensor:
    return network.embeddings.word_embeddings(ids)


def place(network: nn.Module, words: Tensor) -> Tensor:
    places, segments = (getattr(network.embeddings, f"{each}_embeddings").weight for each in ["position", "token_type"])
    return words + segments[0] + places[: words.shape[1]]


def tokens(network: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    words = {"inputs_embeds" if ids.is_floating_point() else "input_ids": ids}
    return network(**words, attention_mask=transformer.bias_of(mask)).last_hidden_state


def random_shape(spec: TextSpec) -> dict[str, Any]:
    return {
        "vocab_size": 30522,
        "hidden_act": "gelu",
        "hidden_size": spec.width,
        "intermediate_size": 2 * spec.width,
        "max_position_embeddings": spec.positions,
        "num_hidden_layers": spec.layers - 1,
        "num_attention_heads": 4,
        **spec.shape,
    }


def published(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    return transformer.published(BertModel, BertConfig(**config), weights, add_pooling_layer=False)


def hub_spec(source: Hub, config: dict[str, Any]) -> TextSpec:
    shape = BertConfig(**config)
    return transformer.text_spec(source, shape.hidden_size, shape.num_hidden_layers + 1, shape.max_position_embeddings)

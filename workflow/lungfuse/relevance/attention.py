"""Attention as a network computes it."""

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor

from lungfuse.layers.blocks import Tokens, watched_attention
from lungfuse.relevance.network import Case, ExplainedNetwork

Value = TypeVar("Value")


def with_attention(compute: Callable[[], Value]) -> tuple[Value, list[Tensor]]:
    """What is computed, with the weights of its attention, (B, heads, T, S), in order; gradients reach them."""
    weights = []

    def keep(each: Tensor) -> Tensor:
        weights.append(each if each.requires_grad else each.requires_grad_())
        return weights[-1]

    with watched_attention(keep):
        return compute(), weights


def encoded(network: ExplainedNetwork, case: Case, name: str) -> tuple[Tokens, list[Tensor]]:
    """The tokens of one modality, with the weights of the attention of its encoder, where it has any."""
    alone = case.at({name: case.entries[name]})
    return with_attention(lambda: network.encode(alone)[name])

"""Attention rollout: Abnar and Zuidema, ACL 2020, https://arxiv.org/abs/2005.00928."""

import torch
from torch import Tensor

from lungfuse.layers.blocks import Tokens
from lungfuse.relevance.attention import encoded
from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance

TITLE = "Rollout"
CAPTION = (
    "How much of each part reaches the features of its encoder through the attention of all layers (Abnar and Zuidema, "
    "2020). It is the same for every class, and ends where the model begins to fuse."
)
MODALITIES, SIGNED, SUMS = ["image", "text"], False, ""


@torch.no_grad()
def explain(network: ExplainedNetwork, case: Case, target: Tensor) -> Relevance:
    """Maps on the grid of patches, (B, y, x), and words, (B, T), of encoders with attention."""
    found = {}
    for name in network.encoders:
        tokens, weights = encoded(network, case, name)
        if weights:
            found[name] = network.by_token(case, name, Tokens(rolled_out(weights), tokens.mask).mean())
    return found


def rolled_out(weights: list[Tensor]) -> Tensor:
    """What each token holds of each at the beginning, (B, T, T), after layers of attention, (B, heads, T, T).

    Half of a token is from the layer before, by the residual connection.
    """
    identity = torch.eye(weights[0].shape[-1], device=weights[0].device)
    total = identity.expand(len(weights[0]), -1, -1)
    for each in weights:
        layer = (each.mean(1) + identity) / 2
        total = layer / layer.sum(-1, keepdim=True) @ total
    return total

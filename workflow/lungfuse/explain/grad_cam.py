"""Grad-CAM: Selvaraju et al., ICCV 2017, https://arxiv.org/abs/1610.02391."""

import torch
from torch import Tensor

from lungfuse.layers.blocks import Tokens
from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance, on_grid

TITLE = "Grad-CAM"
CAPTION = (
    "The last features of the image encoder, weighted by the mean gradient of the logit (Selvaraju et al., 2017); what "
    "is below zero is cut off."
)
MODALITIES, SIGNED, SUMS = ["image"], False, ""


def explain(network: ExplainedNetwork, case: Case, target: Tensor) -> Relevance:
    """Maps on the grid of the tokens of the image, a class token left out."""
    with torch.no_grad():
        encoded = network.encode(case)
    values = encoded["image"].values.detach().requires_grad_()
    tokens = encoded | {"image": Tokens(values, encoded["image"].mask)}
    network.logit(network.decide(tokens), target).sum().backward()
    weights = values.grad.mean(1, keepdim=True)  # (B, 1, D)
    return {"image": on_grid((values.detach() * weights).sum(-1).relu())}

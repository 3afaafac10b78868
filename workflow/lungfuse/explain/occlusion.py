"""Occlusion: Zeiler and Fergus, ECCV 2014, https://arxiv.org/abs/1311.2901."""

import torch
from torch import Tensor

from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance

TITLE = "Occlusion"
CAPTION = (
    "What the logit loses when a square of the image is greyed out, a word left out, or a column set to its mean "
    "(Zeiler and Fergus, 2014)."
)
MODALITIES, SIGNED, SUMS = ["image", "text", "structured"], True, ""
SQUARES = 8  # along each side of an image


@torch.no_grad()
def explain(network: ExplainedNetwork, case: Case, target: Tensor) -> Relevance:
    """What the logit loses without each square of the image, (B, 8, 8), word and column."""
    found = {}
    for name in case.entries:
        lost = network.losses(case, target, name, network.parts(case, name, SQUARES)).T  # (B, part)
        found[name] = lost.unflatten(1, (SQUARES, SQUARES)) if network.is_image(name) else lost * case.there[name]
    return found

"""The share of relevance in a mask: relevance mass accuracy of Arras et al., 2022, https://arxiv.org/abs/2003.07258."""

import torch
from torch import Tensor

from lungfuse.relevance.given import Given, Measured
from lungfuse.relevance.places import against_places

TITLE = "Relevance inside"
CAPTION = "Share of the positive relevance that lies where the evidence may lie (Arras et al., 2022)."
LIMIT = "More than of the share of the image in the mask, a map in the centre, and random maps, whichever is best"
MARGIN, MODALITIES, NEEDS = 0.0, ["image"], ["mask"]


def measure(given: Given) -> list[Measured]:
    """The share, 0 where nothing is relevant."""
    return against_places(given, share)


def share(maps: Tensor, mask: Tensor) -> Tensor:
    """(B, y, x), (B, y, x) to (B,)."""
    positive = maps.flatten(1).clamp(min=0)
    total = positive.sum(1).clamp(min=torch.finfo(positive.dtype).tiny)
    return (positive * mask.flatten(1)).sum(1) / total

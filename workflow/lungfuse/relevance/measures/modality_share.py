"""Whether modalities that are relevant are those that the network needs."""

import torch
from torch import Tensor

from lungfuse.relevance.given import ALL, Given, Measured
from lungfuse.relevance.similarity import rank_correlation

TITLE = "Shares of the modalities"
CAPTION = (
    "Rank correlation, over the modalities of a case, of their share in the absolute relevance with what shuffling "
    "them between cases costs the network; 1 is the same order."
)
LIMIT = "Above 0, that of random orders"
MARGIN, MODALITIES, NEEDS = 0.0, ["all"], ["shuffled"]


def measure(given: Given) -> list[Measured]:
    """The rank correlation in [-1, 1], of two or more modalities."""
    names = given.explained(list(given.shuffled))
    if len(names) < 2:
        return []
    relevant = shares(given, names)
    costs = torch.tensor([given.shuffled[name] for name in names]).to(relevant).expand_as(relevant)
    found = rank_correlation(relevant, costs, torch.ones_like(relevant, dtype=torch.bool))
    return [Measured(ALL, found, {"random orders": torch.zeros_like(found)})]


def shares(given: Given, names: list[str]) -> Tensor:
    """The share of each modality in the absolute relevance of a case, (B, modality); NaN where nothing is relevant."""
    sums = torch.stack([given.relevance[name].abs().flatten(1).sum(1) for name in names], dim=1)
    return sums / sums.sum(1, keepdim=True)

"""Whether the modalities that decide are those that the network needs."""

import torch

from lungfuse.relevance.given import ALL, Given, Measured
from lungfuse.relevance.similarity import rank_correlation

TITLE = "What shuffling costs"
CAPTION = (
    "Rank correlation, over the modalities, of how much each decided in a case, the size of its Shapley value, with "
    "what shuffling it between cases costs the network in AUROC; 1 is the same order."
)
LIMIT = "Above 0, that of random orders"
MARGIN, MODALITIES, NEEDS = 0.0, ["all"], ["shuffled"]


def measure(given: Given) -> list[Measured]:
    """The rank correlation in [-1, 1] of two or more modalities, of which `relevance` has the value of each, (B, 1)."""
    names = given.explained(list(given.shuffled))
    sizes = torch.cat([given.relevance[name].abs() for name in names], dim=1)
    costs = torch.tensor([given.shuffled[name] for name in names]).to(sizes).expand_as(sizes)
    found = rank_correlation(sizes, costs, torch.ones_like(sizes, dtype=torch.bool))
    return [Measured(ALL, found, {"random orders": torch.zeros_like(found)})]

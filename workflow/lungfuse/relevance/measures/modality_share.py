"""Whether what a method finds in each modality is what that modality adds to the logit."""

import torch
from torch import Tensor

from lungfuse.relevance.given import ALL, Given, Measured
from lungfuse.relevance.modalities import modality_values
from lungfuse.relevance.similarity import rank_correlation

TITLE = "Shares of the modalities"
CAPTION = (
    "Rank correlation, over the modalities of a case, of the sum of the relevance in each with what it adds to the "
    "logit by its Shapley value, the others being there or neutral; of methods that know no sign with the size of that."
)
LIMIT = "Above 0, that of random orders"
MARGIN, MODALITIES, NEEDS = 0.0, ["all"], ["network"]


def measure(given: Given) -> list[Measured]:
    """The rank correlation in [-1, 1], of two or more modalities."""
    names, all_names = given.explained(list(given.case.entries)), list(given.case.entries)
    if len(names) < 2:
        return []
    worth = values_of(given)[:, [all_names.index(name) for name in names]]
    sums = torch.stack([given.relevance[name].flatten(1).sum(1) for name in names], dim=1)
    signed = any((given.relevance[name] < 0).any() for name in names)
    found = rank_correlation(sums, worth if signed else worth.abs(), torch.ones_like(sums, dtype=torch.bool))
    return [Measured(ALL, found, {"random orders": torch.zeros_like(found)})]


def values_of(given: Given) -> Tensor:
    """The Shapley value of each modality, (B, modality)."""
    if ALL not in given.known:
        given.known[ALL] = modality_values(given.network, given.case, given.target).float()
    return given.known[ALL]

"""Repeatability: Arun et al., Radiology: Artificial Intelligence 2021, https://doi.org/10.1148/ryai.2021200267."""

import torch
from torch import Tensor

from lungfuse.relevance.given import Given, Measured, where
from lungfuse.relevance.similarity import rank_correlation, rank_correlations, unrelated

TITLE = "Agreement"
CAPTION = (
    "Rank correlation of the relevance for a case by the network that has not learned from it with that by others: by "
    "that of the next fold, which has, and by those of trainings with other seeds and folds that have not (Arun et al.,"
    " 2021)."
)
LIMIT = "Higher than that of the relevance for two cases of different patients"
MARGIN, MODALITIES, NEEDS = 0.0, ["image", "text", "structured"], ["other networks"]


def measure(given: Given) -> list[Measured]:
    """The mean over the other networks of each kind; each case is paired with all others of the batch."""
    return [
        _measured(given, name, kind, [each[name] for each in others if name in each])
        for name in given.explained(MODALITIES)
        for kind, others in given.others.items()
        if any(name in each for each in others)
    ]


def _measured(given: Given, name: str, kind: str, others: list[Tensor]) -> Measured:
    own, real = given.relevance[name], given.real(name)
    same = torch.stack([rank_correlation(own, each, real) for each in others]).mean(0)
    different = torch.stack([rank_correlations(own, each, real) for each in others]).mean(0)
    control = unrelated(different, given.groups)
    return Measured(name, where(control.isfinite(), same), {"other cases": control}, kind)

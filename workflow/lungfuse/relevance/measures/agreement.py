"""Repeatability: Arun et al., Radiology: Artificial Intelligence 2021, https://doi.org/10.1148/ryai.2021200267."""

import torch

from lungfuse.relevance.given import Given, Measured, where
from lungfuse.relevance.similarity import rank_correlation, unrelated

TITLE = "Agreement"
CAPTION = (
    "Rank correlation of the relevance for a case by networks that were trained on other folds or from other random "
    "numbers (repeatability of Arun et al., 2021)."
)
LIMIT = "Higher than that of the relevance for two cases of different patients"
MARGIN, MODALITIES, NEEDS = 0.0, ["image", "text", "structured"], ["other networks"]


def measure(given: Given) -> list[Measured]:
    """The mean over the other networks; cases are paired within the batch."""
    found, (other, known) = [], unrelated(given.groups, given.device)
    for name in given.explained(MODALITIES):
        own, real = given.relevance[name], given.real(name)
        others = [each[name] for each in given.others if name in each]
        if not others:
            continue
        same = torch.stack([rank_correlation(own, each, real) for each in others]).mean(0)
        both = real & real[other]
        different = torch.stack([rank_correlation(own, each[other], both) for each in others]).mean(0)
        found.append(Measured(name, where(known, same), {"other cases": where(known, different)}))
    return found

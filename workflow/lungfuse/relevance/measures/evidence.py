"""The share of relevance at the words or columns that hold the evidence, as `inside` has it of images."""

from lungfuse.relevance.given import Given, Measured, where
from lungfuse.relevance.measures.inside import share

TITLE = "Relevance at the evidence"
CAPTION = "Share of the positive relevance at the words or columns that are known to hold the evidence."
LIMIT = "More than their share of the words or columns"
MARGIN, MODALITIES, NEEDS = 0.0, ["text", "structured"], ["mask"]


def measure(given: Given) -> list[Measured]:
    """The share, 0 where nothing is relevant; relevance of marks and padding counts as that of other words."""
    found = []
    for name in given.explained([each for each in MODALITIES if each in given.masks]):
        real = given.real(name)
        mask = (given.masks[name] & real).float()
        known = mask.any(1)
        controls = {"share of them": where(known, mask.sum(1) / real.sum(1))}
        found.append(Measured(name, where(known, share(given.relevance[name], mask)), controls))
    return found

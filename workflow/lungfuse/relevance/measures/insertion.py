"""Insertion: Petsiuk et al., RISE, BMVC 2018, https://arxiv.org/abs/1806.07421."""

from lungfuse.relevance.curves import against_random_orders
from lungfuse.relevance.given import Given, Measured

TITLE = "Insertion"
CAPTION = (
    "What the logit gains on average while squares of the image, words or columns are put into a case that has none, "
    "the most relevant first (Petsiuk et al., 2018); the image is grey or blurred before."
)
LIMIT = "More than when they are put in in random orders"
MARGIN, MODALITIES, NEEDS = 0.0, ["image", "text", "structured"], ["network"]


def measure(given: Given) -> list[Measured]:
    """The mean gain, in logits."""
    return against_random_orders(given, inserts=True)

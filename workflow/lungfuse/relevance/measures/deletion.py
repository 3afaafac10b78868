"""Deletion: Petsiuk et al., RISE, BMVC 2018, https://arxiv.org/abs/1806.07421."""

from lungfuse.relevance.curves import against_random_orders
from lungfuse.relevance.given import Given, Measured

TITLE = "Deletion"
CAPTION = (
    "What the logit loses on average while squares of the image, words or columns are removed, the most relevant first "
    "(Petsiuk et al., 2018); squares are greyed out or blurred."
)
LIMIT = "More than when they are removed in random orders"
MARGIN, MODALITIES, NEEDS = 0.0, ["image", "text", "structured"], ["network"]


def measure(given: Given) -> list[Measured]:
    """The mean loss, in logits."""
    return against_random_orders(given, inserts=False)

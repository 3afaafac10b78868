"""The pointing game: Zhang et al., IJCV 2018, https://arxiv.org/abs/1608.00507."""

from torch import Tensor

from lungfuse.relevance.given import Given, Measured
from lungfuse.relevance.places import against_places

TITLE = "Pointing game"
CAPTION = (
    "How often the most relevant pixel lies where the evidence may lie (Zhang et al., 2018); relevance has its sign, "
    "and pixels that are equally relevant share."
)
LIMIT = "More often than by the share of the image in the mask, a map in the centre, and random maps, whichever is best"
MARGIN, MODALITIES, NEEDS = 0.0, ["image"], ["mask"]


def measure(given: Given) -> list[Measured]:
    """1 where the most relevant pixel is in the mask, else 0; between where several are."""
    return against_places(given, hits)


def hits(maps: Tensor, mask: Tensor) -> Tensor:
    """(B, y, x), (B, y, x) to (B,)."""
    flat = maps.flatten(1)
    most = (flat == flat.amax(1, keepdim=True)).float()
    return (most * mask.flatten(1)).sum(1) / most.sum(1)

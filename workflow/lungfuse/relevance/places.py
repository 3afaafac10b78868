"""Maps of images compared with masks of where the evidence may lie. Shapes: B cases."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from lungfuse.relevance.given import Given, Measured, where

SPREAD = 0.25  # standard deviation of the map in the centre, in sides of the image
MAPS, GRID, SEED = 20, 7, 1  # random maps for a case, smooth between so many points a side
Score = Callable[[Tensor, Tensor], Tensor]
"""Maps, (B, y, x), and a mask of their size, 1 inside and 0 outside, (B, y, x), to (B,)."""


def against_places(given: Given, score: Score) -> list[Measured]:
    """A score of maps, with that of the share of the image in the mask, of a map in the centre, and of random ones."""
    found = []
    for name in given.explained([each for each in given.masks if given.masks[each].ndim == 3]):
        maps = given.relevance[name]
        mask = at_size(given.masks[name].to(maps), *maps.shape[1:])
        drawn = random_maps(given, *maps.shape[1:])
        controls = {
            "area": mask.mean((1, 2)),
            "centre": score(centre(*maps.shape[1:]).to(maps).expand_as(maps), mask),
            "random maps": torch.stack([score(each, mask) for each in drawn]).mean(0),
        }
        known = mask.flatten(1).any(1) & given.case.there[name]
        controls = {control: where(known, each) for control, each in controls.items()}
        found.append(Measured(name, where(known, score(maps, mask)), controls))
    return found


def at_size(masks: Tensor, rows: int, columns: int) -> Tensor:
    """Masks, (B, Y, X), as maps of another size see them, (B, y, x): a square is inside by half or more of it.

    So relevance can lie inside as a whole, whatever the size of its squares. Where no square is, that with most is.
    """
    share = functional.adaptive_avg_pool2d(masks, (rows, columns))
    most = share.amax((1, 2), keepdim=True)
    return ((share >= most.clamp(max=0.5)) & (share > 0)).to(masks)


def centre(rows: int, columns: int) -> Tensor:
    """A Gaussian in the middle of a map, (y, x)."""
    y, x = ((torch.arange(length) - (length - 1) / 2) / length for length in (rows, columns))
    return torch.exp(-(y[:, None] ** 2 + x**2) / (2 * SPREAD**2))


def random_maps(given: Given, rows: int, columns: int) -> Tensor:
    """Smooth maps that know nothing of the case, half of them below zero, (map, B, y, x)."""
    points = given.drawn(SEED, MAPS, GRID, GRID) - 0.5
    return functional.interpolate(points, (rows, columns), mode="bilinear", align_corners=False).transpose(0, 1)

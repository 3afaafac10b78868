"""How the logit goes as parts of a case are removed or inserted, the most relevant first.

Petsiuk et al., RISE, BMVC 2018, https://arxiv.org/abs/1806.07421. The curve is of the logit, not of the probability:
the logit is what methods explain, and it still moves where the network is sure. Shapes: B cases, P parts.
"""

from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from lungfuse.layers.blocks import Inputs
from lungfuse.relevance.given import Given, Measured
from lungfuse.relevance.network import AT_ONCE

SQUARES = 8  # along each side of an image
STEPS = 16  # of a curve; as many as there are parts where they are fewer
ORDERS, SEED, TIES = 5, 100, 200  # random orders for a case
BLUR = 1 / 8  # standard deviation, in sides of the image
NEUTRAL = {"text": "left out", "structured": "mean"}


def against_random_orders(given: Given, inserts: bool) -> list[Measured]:
    """What the order of relevance makes of the logit on average along its curve, and what random orders make."""
    return [measured for name in given.relevance for measured in _Curves(given, name, inserts).measured()]


class _Curves:
    """The curves of one modality."""

    def __init__(self, given: Given, name: str, inserts: bool):
        self.given, self.name, self.inserts = given, name, inserts
        self.entry, self.image = given.case.entries[name], given.network.is_image(name)
        relevance = given.relevance[name]
        self.relevance = functional.adaptive_avg_pool2d(relevance, SQUARES).flatten(1) if self.image else relevance
        self.real = given.case.there[name][:, None].expand_as(self.relevance) if self.image else given.real(name)

    @torch.no_grad()
    def measured(self) -> list[Measured]:
        ties, found = self.given.drawn(TIES, self.relevance.shape[1]), []
        for fill, entries in self.fills().items():
            own = self.mean_change(entries, places(self.relevance, ties, self.real))
            key = (self.name, self.inserts, fill)
            if key not in self.given.known:
                self.given.known[key] = self.by_chance(entries, ties)
            found.append(Measured(self.name, own, {"random orders": self.given.known[key]}, fill))
        return found

    def by_chance(self, fill: Tensor, ties: Tensor) -> Tensor:
        """The mean over random orders, (B,)."""
        orders = self.given.drawn(SEED, ORDERS, self.relevance.shape[1]).unbind(1)
        return torch.stack([self.mean_change(fill, places(order, ties, self.real)) for order in orders]).mean(0)

    def fills(self) -> dict[str, Tensor]:
        """What is in place of parts that are not there, of the shape of the entries."""
        neutral = {NEUTRAL.get(self.name, "grey"): self.given.network.neutral(self.given.case)[self.name]}
        return neutral | ({"blur": blurred(self.entry)} if self.image else {})

    def mean_change(self, fill: Tensor, place: Tensor) -> Tensor:
        """What the logit loses by removing, or gains by inserting, parts in the order of their places, (B,).

        It is the area between the curve over the share of the parts, from 0 to 1, and the level where it begins.
        """
        steps, count = min(STEPS, place.shape[1]), self.real.sum(1)
        done = (torch.arange(steps + 1, device=place.device)[:, None] * count / steps).round()  # (step, B)
        chosen = place < done[..., None]  # (step, B, P)
        filled = self.real & ~chosen if self.inserts else chosen
        logits = torch.cat([self.logits(fill, few) for few in filled.split(max(1, AT_ONCE // len(place)))])
        area = torch.trapezoid(logits, done / count, dim=0)  # NaN of a case without parts
        return area - logits[0] if self.inserts else logits[0] - area

    def logits(self, fill: Tensor, filled: Tensor) -> Tensor:
        """The logits, (step, B), of cases some of whose parts, (step, B, P), are filled."""
        filled = filled[..., self.numbers] if self.image else filled
        filled = filled if filled.ndim == self.entry.ndim + 1 else filled[..., None]
        changed = self.given.network.changed(
            self.given.case, self.encoded, self.name, torch.where(filled, fill, self.entry)
        )
        target = self.given.target.repeat(len(filled))
        return self.given.network.logit(changed.flatten(0, 1), target).unflatten(0, (len(filled), -1))

    @cached_property
    def encoded(self) -> Inputs:
        return self.given.network.encode(self.given.case)

    @cached_property
    def numbers(self) -> Tensor:
        """The number of the square that each pixel is in, (y, x)."""
        return self.given.network.parts(self.given.case, self.name, SQUARES).float().argmax(0).to(self.entry.device)


def places(relevance: Tensor, ties: Tensor, real: Tensor) -> Tensor:
    """The place of each part in the order of relevance, from 0; P of those that are not real; all (B, P)."""
    drawn = ties.argsort(1)
    order = relevance.masked_fill(~real, -torch.inf).gather(1, drawn).argsort(dim=1, descending=True, stable=True)
    return drawn.gather(1, order).argsort(1).masked_fill(~real, relevance.shape[1])


def blurred(images: Tensor) -> Tensor:
    """Images, (B, y, x) or (B, y, x, 3), under a Gaussian."""
    y, x = (_gaussian(length).to(images) for length in images.shape[1:3])
    return torch.einsum("yj,xk,bjk...->byx...", y, x, images)


def _gaussian(length: int) -> Tensor:
    """The weights of all pixels of a line at each, (pixel, pixel), that sum to 1."""
    apart = torch.arange(length)[:, None] - torch.arange(length)
    weights = torch.exp(-0.5 * (apart / (BLUR * length)) ** 2)
    return weights / weights.sum(1, keepdim=True)

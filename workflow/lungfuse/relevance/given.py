"""What measures of explanations are given, and what they give back.

Shapes: B cases, T words, C columns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance

ALL = "all"
APART = 1000  # seeds of a case


@dataclass(frozen=True)
class Given:
    """The relevance of some cases by one method, and what it is compared with.

    `numbers`, (B,), are the places of the cases in a study: what is drawn for a case at random depends on them, and not
    on the batch. `groups`, (B,), are their patients. `masks` are true where the evidence may lie, by modality: image
    (B, Y, X), of any size, text (B, T), structured (B, C); one that is false everywhere is not known. `target`, (B,),
    is the class or label that is explained, `method` explains the same cases and target by another network, `others`
    are the relevance for them of other networks, by what these differ in, `shuffled` is what shuffling a modality costs
    the network, and `known` keeps what is the same by every method, for all that explain these cases.
    """

    case: Case
    relevance: Relevance
    numbers: np.ndarray
    groups: np.ndarray
    masks: Mapping[str, Tensor] = field(default_factory=dict)
    network: ExplainedNetwork | None = None
    target: Tensor | None = None
    method: Callable[[ExplainedNetwork], Relevance] | None = None
    others: Mapping[str, Sequence[Relevance]] = field(default_factory=dict)
    shuffled: Mapping[str, float] = field(default_factory=dict)
    known: dict = field(default_factory=dict)

    def has(self, need: str) -> bool:
        """Whether it meets a need of a measure, see `lungfuse.relevance.measures`."""
        network = self.network is not None and self.target is not None
        return {
            "mask": bool(self.masks),
            "network": network,
            "method": network and self.method is not None,
            "other networks": any(self.others.values()),
            "shuffled": bool(self.shuffled),
        }[need]

    def explained(self, modalities: Sequence[str]) -> list[str]:
        """Those of some modalities that there is relevance of."""
        return [name for name in self.relevance if name in modalities]

    def real(self, name: str) -> Tensor:
        """Which entries of the relevance are of something, (B, entry): no padding, no marks of a text."""
        there = self.case.there[name]
        if there.ndim == 1:
            return there[:, None].expand(-1, self.relevance[name][0].numel())
        return there & ~self.case.special if name == "text" and self.case.special is not None else there

    def drawn(self, seed: int, *shape: int) -> Tensor:
        """Random numbers in [0, 1) for each case, (B, ...)."""
        rngs = [torch.Generator().manual_seed(APART * int(number) + seed) for number in self.numbers]
        return torch.stack([torch.rand(shape, generator=rng) for rng in rngs]).to(self.device)

    @property
    def device(self) -> torch.device:
        return next(iter(self.relevance.values())).device


@dataclass(frozen=True)
class Measured:
    """The value of each case, (B,), and that of each control by its name, (B,); NaN where a case has none.

    `variant` distinguishes several values of one measure, such as the fill of what is removed.
    """

    modality: str
    value: Tensor
    controls: dict[str, Tensor]
    variant: str = ""


def where(known: Tensor, values: Tensor) -> Tensor:
    """Values, and NaN where nothing is known, both (B,)."""
    return torch.where(known, values.float(), torch.nan)

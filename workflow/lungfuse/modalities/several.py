"""Several inputs of one modality: both views of a chest, or two texts."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from lungfuse.modalities.data_files import Source


@dataclass(frozen=True)
class SeveralSources:
    """Sources of one modality, a place each. A batch is a list of theirs; one that a pair lacks is masked there."""

    parts: list[Source]
    fitted: list[dict] = field(default_factory=list)

    @property
    def lengths(self) -> np.ndarray:
        return np.sum([part.lengths for part in self.parts], axis=0)

    def batch(self, positions: list[int]) -> list[dict[str, Tensor]]:
        return [part.batch(positions) for part in self.parts]

    def reordered(self, order: np.ndarray) -> "SeveralSources":
        return SeveralSources([part.reordered(order) for part in self.parts])

    def dropped(self) -> "SeveralSources":
        return SeveralSources([part.dropped() for part in self.parts])

    def fit(self, train_indices: np.ndarray) -> "SeveralSources":
        return SeveralSources([part.fit(train_indices) for part in self.parts])


def together(parts: Iterable[Source]) -> Source:
    """The only one of some sources, or several as one."""
    parts = list(parts)
    return parts[0] if len(parts) == 1 else SeveralSources(parts)


def parts_of(source: Source) -> list[Source]:
    """The sources that one was made of by `together`."""
    return source.parts if isinstance(source, SeveralSources) else [source]

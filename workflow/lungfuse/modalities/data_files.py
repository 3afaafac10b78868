"""What a modality is read from, and what is read of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from torch import Tensor


@dataclass(frozen=True)
class DataFiles:
    """The files that the modalities of pairs, a table `Pairs`, are read from; each needs some of them.

    Texts are cut after `max_tokens` tokens.
    """

    pairs: pd.DataFrame
    array: Path | None = None
    index: Path | None = None
    masks: Path | None = None
    structured: Path | None = None
    columns: Path | None = None
    tokenizer: Path | None = None
    max_tokens: int | None = None


OfModality = dict[str, Tensor] | list[dict[str, Tensor]]


class Source(Protocol):
    """One modality of every pair, as an encoder or tokenizer takes it.

    `lengths`, (pair,), is how much of it there is where that differs: pairs of like length share a batch. `fitted` is
    what was measured on the pairs to learn from, as JSON takes it.
    """

    lengths: np.ndarray
    fitted: list[dict]

    def batch(self, positions: list[int]) -> "OfModality":
        """Some pairs, as tensors whose axis 0 is the pair; see `lungfuse.modalities.several`."""
        ...

    def reordered(self, order: np.ndarray) -> "Source":
        """Each pair with what another has, (pair,)."""
        ...

    def dropped(self) -> "Source":
        """The same of pairs that all lack it."""
        ...

    def fit(self, train_indices: np.ndarray) -> "Source":
        """The same, scaled by the pairs at some positions alone."""
        ...

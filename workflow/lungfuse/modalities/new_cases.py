"""New cases: what a model reads of them, and what they hold."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd

from lungfuse.modalities import load_cases
from lungfuse.modalities.data_files import Source
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.model import Choice
from lungfuse.settings.segmentation import MaskSettings

T = TypeVar("T")


@dataclass(frozen=True)
class Column:
    """A column of a table of cases: the path of an image, a text, a number in `unit`, or one of `categories`.

    A model has learned from numbers from `low` to `high`.
    """

    name: str
    kind: Literal["image", "text", "number", "category"]
    unit: str = ""
    categories: list[str] = field(default_factory=list)
    low: float | None = field(default=None, compare=False)
    high: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Input:
    """What a model reads of a modality, and the columns of a table of cases that hold it."""

    choice: Choice
    columns: list[Column]


@dataclass(frozen=True)
class Preprocessing:
    """How a model was trained to read; `known` is what it knows of structured columns, see `FoldModel.known`.

    `segmenter` is a folder; sentences with a word that begins like one of `redact_terms` are not read.
    """

    text_encoder: str = ""
    max_tokens: int | None = None
    images: ImageSettings | None = None
    segmenter: Path | None = None
    mask: MaskSettings | None = None
    redact_terms: tuple[str, ...] = ()
    known: dict[str, list[dict]] = field(default_factory=dict, compare=False)


class Batch:
    """A few cases, of which everything is read once for all folds of a model.

    `frame` holds texts, empty where a case lacks something. `notes` counts the cases of which less is seen than their
    files hold. `load_segmenter` gives the segmenter in a folder, whose `masks` take images and `MaskSettings`.
    """

    def __init__(
        self, frame: pd.DataFrame, encoder_root: Path, notes: Counter[str], load_segmenter: Callable[[Path], Any]
    ):
        self.frame, self.encoder_root, self.notes, self.load_segmenter = frame, encoder_root, notes, load_segmenter
        self.made: dict[Hashable, object] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, name: str) -> pd.Series:
        """A column, empty where the model does not read it."""
        return self.frame[name] if name in self.frame else pd.Series("", self.frame.index)

    def source(self, modality: str, choice: Choice, preprocessing: Preprocessing) -> Source:
        """A modality of the cases, as an encoder or tokenizer takes it."""
        return load_cases(modality).read(self, choice, preprocessing)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once under a key."""
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]

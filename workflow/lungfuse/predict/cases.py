"""New cases: what a row reads of them, and what they hold."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import pandas as pd

from lungfuse.modalities import load_cases
from lungfuse.modalities.data_files import Source
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.rows import Choice
from lungfuse.settings.segmentation import MaskSettings
from lungfuse.settings.training import EncoderSettings

T = TypeVar("T")


@dataclass(frozen=True)
class Column:
    """A column of a table of cases: the path of an image, a text, a number in `unit`, or one of `categories`."""

    name: str
    kind: Literal["image", "text", "number", "category"]
    unit: str = ""
    categories: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Input:
    """What a row reads of a modality, and the columns of a table of cases that hold it."""

    choice: Choice
    columns: list[Column]


@dataclass(frozen=True)
class Preprocessing:
    """How a model was trained to read; `known` is what it knows of structured columns, see `FoldModel.known`.

    `segmenter` is a folder; sentences with a word that begins like one of `redact_terms` are not read.
    """

    encoders: EncoderSettings | None = None
    images: ImageSettings | None = None
    segmenter: Path | None = None
    mask: MaskSettings | None = None
    redact_terms: tuple[str, ...] = ()
    known: dict[str, list[dict]] = field(default_factory=dict, compare=False)


class Batch:
    """A few cases, of which everything is read once for all models of a row.

    `frame` holds texts, empty where a case lacks something. `notes` counts the cases of which less is seen than their
    files hold.
    """

    def __init__(self, frame: pd.DataFrame, encoder_root: Path, notes: Counter[str]):
        self.frame, self.encoder_root, self.notes = frame, encoder_root, notes
        self.made: dict[Hashable, object] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, name: str) -> pd.Series:
        """A column, empty where the row does not read it."""
        return self.frame[name] if name in self.frame else pd.Series("", self.frame.index)

    def source(self, modality: str, choice: Choice, preprocessing: Preprocessing) -> Source:
        """A modality of the cases, as an encoder or tokenizer takes it."""
        return load_cases(modality).read(self, choice, preprocessing)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once under a key."""
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]


def inputs_of(reads: dict[str, Choice], known: dict[str, list[dict]]) -> dict[str, Input]:
    """What is read of each modality; `known` is what the models know of structured columns, one after the other."""
    return {
        name: Input(choice, load_cases(name).columns(choice, known.get(name, []))) for name, choice in reads.items()
    }


def frame_of(cases: pd.DataFrame, columns: list[Column]) -> pd.DataFrame:
    """`id` and these columns of cases as texts, empty where a case lacks something."""
    found = {"id": cases["id"]}
    for column in columns:
        values = cases[column.name] if column.name in cases else pd.Series("", cases.index)
        texts = values.astype(object).where(values.notna(), "").map(str)
        bare = texts.str.strip()
        found[column.name] = texts.mask(bare == "", "") if column.kind in ("image", "text") else bare
    return pd.DataFrame(found)


def with_known_categories(frame: pd.DataFrame, columns: list[Column], notes: Counter[str]) -> pd.DataFrame:
    """Cases of which a category that no model knows is missing."""
    known = {}
    for column in columns:
        if column.kind == "category":
            unknown = ~frame[column.name].isin(["", *column.categories])
            known[column.name] = frame[column.name].mask(unknown, "")
            if unknown.any():
                notes[f"{column.name} is a category that the model does not know"] += int(unknown.sum())
    return frame.assign(**known)


def missing(frame: pd.DataFrame, columns: list[Column], notes: Counter[str]) -> pd.Series:
    """The names of the columns that each case lacks, joined by spaces."""
    names = [column.name for column in columns]
    lacks = frame[names] == ""
    for name, count in lacks.sum().items():
        if count:
            notes[f"{name} is missing, so the model does without"] += int(count)
    found = [" ".join(name for name, gone in zip(names, row, strict=True) if gone) for row in lacks.to_numpy()]
    return pd.Series(found, frame.index, dtype=str)

"""The pairs of a fold, as the network that was trained in it reads them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lungfuse.encoders import TOKENIZER
from lungfuse.files import slug
from lungfuse.modalities import load_inputs
from lungfuse.modalities.data_files import DataFiles, Source
from lungfuse.modalities.new_cases import Batch
from lungfuse.modalities.structured.inputs import in_token_order
from lungfuse.modalities.text.cases import texts_of
from lungfuse.plan.job import Files
from lungfuse.predict.fold_model import FoldModel, StoredFold
from lungfuse.relevance.kinds import explained, stored_folds
from lungfuse.relevance.network import Case, ExplainedNetwork
from lungfuse.relevance.words import Words, read_words

AT_ONCE = 8  # cases that are explained at once


@dataclass(frozen=True)
class FoldCases:
    """Some pairs, `targets` (pair,) of which are explained, and what a network reads of each by modality."""

    network: ExplainedNetwork
    pairs: pd.DataFrame
    targets: np.ndarray
    sources: dict[str, Source]
    words: list[Words]

    def __len__(self) -> int:
        return len(self.pairs)

    def case(self, positions: list[int]) -> tuple[Case, Tensor]:
        """Some of the pairs, and which class or label of each is explained."""
        return self.network.read(self.sources, positions), torch.tensor(self.targets[positions])

    def pixels(self, position: int) -> np.ndarray | None:
        """The image of a pair as it is read, uint8; None without one."""
        if "image" not in self.sources:
            return None
        return self.sources["image"].batch([position])["pixels"][0].numpy()

    @property
    def columns(self) -> list[dict]:
        """What was measured of each structured column, in the order of their tokens."""
        return in_token_order(self.sources["structured"].fitted) if "structured" in self.sources else []

    def cells(self, position: int) -> dict[str, str]:
        """The structured columns of a pair as texts, with units."""
        if not self.columns:
            return {}
        row = self.sources["structured"].frame.iloc[position]
        return {each["name"]: _cell(row[each["name"]], each.get("unit", "")) for each in self.columns}


def batched(positions: Sequence[int]) -> list[list[int]]:
    """Positions a few at once."""
    return [list(positions[start : start + AT_ONCE]) for start in range(0, len(positions), AT_ONCE)]


def fold_cases(
    fold: FoldModel, pairs: pd.DataFrame, targets: np.ndarray, files: Files, encoder_root: Path
) -> FoldCases:
    """Some pairs as the model of a fold reads them; `files` are what modalities are read from.

    Raises:
        UserError: a file is missing or damaged.
    """
    fold.load(encoder_root)
    network = explained(fold)
    pairs, sources, words = pairs.reset_index(drop=True), {}, []
    for part in stored_folds(fold):
        sources |= sources_of(part, pairs, files, encoder_root)
        if "text" in part.reads:
            words = read_words(pairs[part.config.text], _tokenizer(part, encoder_root), part.config.max_tokens)
    return FoldCases(network, pairs, targets, sources, words)


def batch_cases(fold: FoldModel, batch: Batch, targets: np.ndarray) -> FoldCases:
    """New cases as the model of a fold, which is loaded, reads them.

    Raises:
        UserError: the model cannot be explained.
    """
    network, sources, words = explained(fold), {}, []
    for part in stored_folds(fold):
        prepared = part.preprocessing
        sources |= {name: batch.source(name, choice, prepared) for name, choice in part.config.inputs.items()}
        if "text" in part.reads:
            texts = texts_of(batch, part.config.text, prepared)
            words = read_words(texts, _tokenizer(part, batch.encoder_root), prepared.max_tokens)
    return FoldCases(network, batch.frame.reset_index(drop=True), targets, sources, words)


def sources_of(fold: StoredFold, pairs: pd.DataFrame, files: Files, encoder_root: Path) -> dict[str, Source]:
    """What a network reads of pairs, by modality, with what it has measured of them in training."""
    config, known = fold.config, fold.preprocessing.known
    tokenizer = _tokenizer(fold, encoder_root) if config.text else None
    data_files = DataFiles(pairs, **files, tokenizer=tokenizer, max_tokens=config.max_tokens)
    found = {name: load_inputs(name).read(data_files, choice) for name, choice in config.inputs.items()}
    return {name: replace(each, fitted=known[name]) if name in known else each for name, each in found.items()}


def _tokenizer(fold: StoredFold, encoder_root: Path) -> Path:
    return encoder_root / slug(fold.config.encoders["text"]) / TOKENIZER


def _cell(value: float | str, unit: str) -> str:
    if isinstance(value, str):
        return value or "?"
    return "?" if np.isnan(value) else f"{value:g} {unit}".strip()

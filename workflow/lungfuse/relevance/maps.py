"""What methods say of the cases of a fold: maps of images, and relevance of words and columns."""

from dataclasses import dataclass, field

import numpy as np
import torch

from lungfuse.relevance.explanation import Explained
from lungfuse.relevance.folds import FoldCases, batched
from lungfuse.relevance.methods import Method
from lungfuse.relevance.modalities import modality_values


@dataclass(frozen=True)
class CaseMaps:
    """The relevance of a case, by method and modality: of the image (y, x), of words (word,), of columns (column,)."""

    found: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    modalities: dict[str, float] = field(default_factory=dict)


def maps_of(fold: FoldCases, methods: list[Method], positions: list[int] | None = None) -> list[CaseMaps]:
    """The relevance of some of the cases of a fold, or of all."""
    return [
        maps
        for few in batched(range(len(fold)) if positions is None else positions)
        for maps in _maps(fold, methods, few)
    ]


def _maps(fold: FoldCases, methods: list[Method], positions: list[int]) -> list[CaseMaps]:
    maps = {position: CaseMaps() for position in positions}
    case, targets = fold.case(positions)
    worth = modality_values(fold.network, case, targets).cpu().numpy()
    for row, position in enumerate(positions):
        maps[position].modalities.update(zip(fold.network.modalities, map(float, worth[row]), strict=True))
    for method in methods:
        found = method.explain(fold.network, case, targets)
        for row, position in enumerate(positions):
            maps[position].found[method.name] = {
                name: _of_words(fold, position, each[row]) if name == "text" else each[row].cpu().numpy()
                for name, each in found.items()
            }
    return list(maps.values())


def mean_maps(of_folds: list[list[CaseMaps]]) -> list[CaseMaps]:
    """The mean over several networks of the relevance of each case."""
    return [_mean(maps) for maps in zip(*of_folds, strict=True)]


def _mean(maps: tuple[CaseMaps, ...]) -> CaseMaps:
    first = maps[0]
    found = {
        name: {modality: np.mean([each.found[name][modality] for each in maps], axis=0) for modality in by_modality}
        for name, by_modality in first.found.items()
    }
    return CaseMaps(
        found, {name: float(np.mean([each.modalities[name] for each in maps])) for name in first.modalities}
    )


def _of_words(fold: FoldCases, position: int, of_tokens: torch.Tensor) -> np.ndarray:
    return fold.words[position].relevance(of_tokens.cpu().numpy())


def as_explained(fold: FoldCases, position: int, maps: CaseMaps, title: str) -> Explained:
    """A case of a fold as it is drawn."""
    by_modality = {
        modality: {name: each[modality] for name, each in maps.found.items() if modality in each}
        for modality in ["image", "text", "structured"]
    }
    words = fold.words[position] if fold.words else None
    shown = [words.text[start:end] for start, end in zip(words.starts, words.ends, strict=True)] if words else []
    return Explained(
        title, fold.pixels(position), shown, fold.cells(position), maps.modalities,
        by_modality["image"], by_modality["text"], by_modality["structured"],
    )  # fmt: skip

"""Where the evidence for a label may lie: in masks of a segmenter, or where somebody knows it to be."""

import io
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from lungfuse.archive import read_members
from lungfuse.files import read_array
from lungfuse.modalities.image.variants import image_rows
from lungfuse.plan.layout import Layout
from lungfuse.plan.names import RAW
from lungfuse.relevance.folds import FoldCases
from lungfuse.settings.explanations import ExplanationSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import ImageIndex, KnownEvidence
from lungfuse.tasks import Task

MOST_BYTES = 10**7  # of a mask


@dataclass(frozen=True)
class Evidence:
    """Where the evidence of pairs may lie: `images` is bool of (y, x) by image id, `texts` a passage and `columns`
    names by report; what is not there is not known. `labels` names, by report, the class or label that images and texts
    speak for, any where there is none."""

    pairs: pd.DataFrame
    labels: dict[str, str] = field(default_factory=dict)
    images: dict[str, np.ndarray] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)

    def masks(self, fold: FoldCases, places: list[int], positions: np.ndarray) -> dict[str, Tensor]:
        """True where the evidence of some cases may lie, by modality, see `lungfuse.relevance.given.Given`."""
        pairs, found = self.pairs.iloc[positions], {}
        speaks = self.speaks_for(positions, fold.targets[places], fold.network.task)
        if "image" in fold.sources and self.images:
            nowhere = np.zeros_like(next(iter(self.images.values())))
            known = [self.images.get(each, nowhere) for each in pairs["image_id"]]
            found["image"] = torch.tensor(np.stack(known) & speaks[:, None, None])
        if "text" in fold.sources and self.texts:
            length = max(1, *(len(fold.words[place].of_token) for place in places))
            rows = [
                _tokens(fold, place, self.texts[each], length)
                for place, each in zip(places, pairs["report_id"], strict=True)
            ]
            found["text"] = torch.tensor(np.stack(rows) & speaks[:, None])
        if "structured" in fold.sources and self.columns:
            rows = [[column["name"] in self.columns[each] for column in fold.columns] for each in pairs["report_id"]]
            found["structured"] = torch.tensor(rows)
        return found

    def speaks_for(self, positions: np.ndarray, targets: np.ndarray, task: Task) -> np.ndarray:
        """Whether what evidence images and texts of pairs hold speaks for the class or label at `targets`, (pair,)."""
        explained = np.array(task.labels)[targets]
        return np.array(
            [
                self.labels.get(report, label) == label
                for report, label in zip(self.pairs["report_id"].iloc[positions], explained, strict=True)
            ]
        )

    def known(self, targets: np.ndarray, task: Task) -> np.ndarray:
        """Whether it is known where evidence for the class or label at `targets` lies in image and text, (pair,)."""
        known = self.speaks_for(np.arange(len(self.pairs)), targets, task)
        if self.images:
            known &= self.pairs["image_id"].isin(self.images).to_numpy()
        if self.texts:
            known &= self.pairs["report_id"].map(self.texts).fillna("").ne("").to_numpy()
        return known


def _tokens(fold: FoldCases, place: int, passage: str, length: int) -> np.ndarray:
    """The tokens of a text that lie in a passage, (T,)."""
    words = fold.words[place]
    inside = np.append(words.within(passage), False)[words.of_token]  # -1 is the last one
    return np.pad(inside, (0, length - len(inside)))


def read_evidence(
    explanations: ExplanationSettings, layout: Layout, raw: str, pairs: pd.DataFrame, inputs: Collection[str]
) -> Evidence:
    """What is known of the evidence of pairs in what a model reads.

    Raises:
        UserError: a file is missing or damaged.
    """
    known = explanations.evidence
    if known is None:
        inside = explanations.inside if "image" in inputs else None
        return Evidence(pairs, images=_of_segmenter(layout, inside, pairs) if inside else {})
    table = read_table(RAW / raw / known.table, KnownEvidence).set_index("report_id")
    columns = {report: names.split() for report, names in table["columns"].items()}
    shown = pairs["image_id"][pairs["report_id"].map(table["image"]).fillna(False).to_numpy(bool)]
    images = _of_archive(RAW / raw / known.masks, set(shown)) if "image" in inputs else {}
    texts = table["text"].to_dict() if "text" in inputs else {}
    return Evidence(pairs, table["label"].to_dict(), images, texts, columns)


def _of_segmenter(layout: Layout, segmenter: str, pairs: pd.DataFrame) -> dict[str, np.ndarray]:
    pairs = pairs[pairs["image_id"] != ""]
    rows = image_rows(pairs, read_table(layout.image_array["index"], ImageIndex))
    masks = read_array(layout.masks(segmenter)["masks"], rows.max() + 1)
    return dict(zip(pairs["image_id"], masks[rows], strict=True))


def _of_archive(archive: Path, wanted: set[str]) -> dict[str, np.ndarray]:
    members = read_members(archive, ".png", MOST_BYTES)
    return {each.stem: np.array(Image.open(io.BytesIO(each.data))) > 0 for each in members if each.stem in wanted}

"""The inputs of a model, joined to the pairs by id and given out in batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, distributed
from torch.utils.data import Dataset, Sampler

from lungfuse.encoders import TOKENIZER
from lungfuse.encoders.tokens import count_tokens, tokenize
from lungfuse.errors import UserError
from lungfuse.files import read_array
from lungfuse.paths import FEATURE_INDEX, FEATURE_TOKENS
from lungfuse.settings.base import Images, Modality
from lungfuse.settings.ingest import Section
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import ImageIndex
from lungfuse.tables.training import FeatureIndex
from lungfuse.train.arms import ArmImages, arm_images, image_rows

Batch = dict[str, Tensor]
BUCKET = 8  # batches among which texts are sorted by length


@dataclass(frozen=True)
class PairDataset(Dataset):
    """Whole batches of pairs by their positions in the table of pairs.

    `images` is uint8 of shape (image, height, width) with the row of each pair in `image_rows`; `texts` holds the token
    numbers of each pair. Either is None for a model that does not read it. A batch holds `pixels` (B, height, width),
    `ids` and `mask` (B, T), `labels` (B).
    """

    labels: np.ndarray
    images: np.ndarray | ArmImages | None
    image_rows: np.ndarray | None
    texts: list[np.ndarray] | None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, positions: list[int]) -> Batch:
        batch = {"labels": torch.as_tensor(self.labels[positions])}
        if self.images is not None:
            batch["pixels"] = torch.from_numpy(np.asarray(self.images[self.image_rows[positions]]))
        if self.texts is not None:
            batch["ids"], batch["mask"] = pad([self.texts[position] for position in positions])
        return batch

    def lengths(self) -> np.ndarray:
        """Number of tokens of each pair's text, (pair,); zeros without texts."""
        return np.zeros(len(self), int) if self.texts is None else np.array([len(text) for text in self.texts])


@dataclass(frozen=True)
class Features:
    """The tokens that a frozen encoder made of one modality of every pair.

    `tokens` is float16 of shape (token of all pairs, width); those of a pair are `counts` of them from `starts`, both
    (pair,). `encoded` is how many the encoder made of each, before they were pooled.
    """

    tokens: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    encoded: np.ndarray

    def batch(self, positions: list[int]) -> tuple[Tensor, Tensor]:
        """Tokens with their mask, padded with zeros: float32 (B, T, width), (B, T)."""
        places = np.arange(self.counts[positions].max())
        mask = places < self.counts[positions][:, None]
        tokens = torch.zeros(*mask.shape, self.tokens.shape[1])
        rows = (self.starts[positions][:, None] + places)[mask]
        mask = torch.from_numpy(mask)
        tokens[mask] = torch.from_numpy(np.asarray(self.tokens[rows])).float()
        return tokens, mask

    def means(self) -> np.ndarray:
        """The mean token of each pair, float32 of shape (pair, width)."""
        bounds = zip(self.starts, self.starts + self.counts, strict=True)
        return np.stack([self.tokens[start:end].mean(0, dtype=np.float32) for start, end in bounds])

    def reordered(self, order: np.ndarray) -> "Features":
        """The features of each pair replaced by those of another, (pair,)."""
        return Features(self.tokens, self.starts[order], self.counts[order], self.encoded[order])


@dataclass(frozen=True)
class TokenDataset(Dataset):
    """Batches of pairs as the features of one or both modalities.

    A batch holds `image_tokens` and `text_tokens` (B, T, width), `image_mask` and `text_mask` (B, T), `labels` (B).
    """

    labels: np.ndarray
    features: dict[Modality, Features]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, positions: list[int]) -> Batch:
        batch = {"labels": torch.as_tensor(self.labels[positions])}
        for modality, features in self.features.items():
            batch[f"{modality}_tokens"], batch[f"{modality}_mask"] = features.batch(positions)
        return batch

    def lengths(self) -> np.ndarray:
        """Number of tokens of each pair's text, (pair,); zeros without texts."""
        return self.features["text"].encoded if "text" in self.features else np.zeros(len(self), int)


class Batches(Sampler):
    """Positions in random batches of texts of like length; the order depends on the seed and the epoch alone.

    Where several processes train together each takes its share of every batch.
    """

    def __init__(self, positions: np.ndarray, lengths: np.ndarray, batch: int, seed: int):
        self.positions, self.lengths, self.batch, self.seed, self.epoch = positions, lengths, batch, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return max(1, len(self.positions) // self.batch)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(self.positions)
        chunks = [order[start : start + BUCKET * self.batch] for start in range(0, len(order), BUCKET * self.batch)]
        order = np.concatenate([chunk[np.argsort(self.lengths[chunk], kind="stable")] for chunk in chunks])
        batches = [order[start : start + self.batch] for start in range(0, len(order), self.batch)]
        if len(batches) > 1 and len(batches[-1]) < self.batch:
            batches.pop()  # a short batch would unsettle the statistics of batch normalisation
        together = distributed.is_available() and distributed.is_initialized()
        first, step = (distributed.get_rank(), distributed.get_world_size()) if together else (0, 1)
        yield from (batches[place][first::step].tolist() for place in rng.permutation(len(batches)))


def in_order(positions: np.ndarray, batch: int) -> list[list[int]]:
    """Positions in batches, for prediction."""
    return [positions[start : start + batch].tolist() for start in range(0, len(positions), batch)]


def pad(texts: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Token numbers and mask, both (B, T), of texts of different lengths."""
    length = max(map(len, texts))
    ids = torch.zeros(len(texts), length, dtype=torch.long)
    mask = torch.zeros(len(texts), length, dtype=torch.bool)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = True
    return ids, mask


def read_inputs(
    pairs: pd.DataFrame,
    modality: Modality,
    reads: Images | Section,
    encoder: str,
    max_tokens: int,
    encoder_root: Path,
    array: Path | None,
    index: Path | None,
    masks: Path | None,
) -> PairDataset:
    """An arm of the images, or a section of the reports, in the order of `pairs`, as an encoder takes them.

    Texts are cut after `max_tokens` tokens; how many are is printed.

    Raises:
        UserError: the image array is shorter than its index, or no pair has the section.
    """
    labels = pairs["label"].to_numpy()
    if modality == "image":
        rows = image_rows(pairs, read_table(index, ImageIndex))
        images, lungs = (path and read_array(path, rows.max() + 1) for path in [array, masks])
        return PairDataset(labels, arm_images(reads, images, lungs), rows, None)
    if not (pairs[reads] != "").any():
        raise UserError(f"no pair has {reads}, which a row reads. Remove the row, or fill the section in the adapter.")
    tokenizer = encoder_root / encoder / TOKENIZER
    texts = tokenize(pairs[reads], tokenizer, max_tokens)
    warn_of_cuts(count_tokens(pairs[reads], tokenizer), max_tokens, reads)
    return PairDataset(labels, None, None, texts)


def read_features(folder: Path, pair_ids: pd.Series) -> Features:
    """The features in a folder that the stage `features` made, joined to pairs by id.

    Raises:
        UserError: a pair has no features.
    """
    index = read_table(folder / FEATURE_INDEX, FeatureIndex).set_index("pair_id").reindex(pair_ids)
    if index.isna().any(axis=None):
        raise UserError(
            f"{folder / FEATURE_INDEX}: {index['start'].isna().sum()} pairs have no features, "
            f"{index.index[index['start'].isna()][0]} first. Make the features again from these pairs."
        )
    tokens = read_array(folder / FEATURE_TOKENS, int((index["start"] + index["tokens"]).max()))
    return Features(tokens, *(index[column].to_numpy(int) for column in ["start", "tokens", "encoded"]))


def warn_of_cuts(tokens: np.ndarray, max_tokens: int, section: str) -> None:
    """Print how many texts have more than `max_tokens` tokens, if any, and what they lose."""
    lost = np.clip(tokens - max_tokens, 0, None)
    if lost.any():
        print(
            f"Warning: {(lost > 0).sum():,} of {len(tokens):,} {section} are cut after {max_tokens} tokens, "
            f"which loses {lost.sum() / tokens.sum():.1%} of all tokens; encoders.max_tokens sets the limit."
        )


def shuffled(count: int, seed: int) -> np.ndarray:
    """A permutation of the pairs for an ablation."""
    return np.random.default_rng(seed).permutation(count)

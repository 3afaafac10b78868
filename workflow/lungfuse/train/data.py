"""The inputs of a model, joined to the pairs by id and given out in batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from lungfuse.errors import UserError

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
    images: np.ndarray | None
    image_rows: np.ndarray | None
    texts: list[list[int]] | None

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
class TokenDataset(Dataset):
    """Batches of pairs as the tokens that frozen encoders made of them, once.

    `tokens` holds float arrays of shape (pair, token, width) by modality, `mask` is (pair, token) of the texts. A batch
    holds them as `image_tokens`, `text_tokens` and `mask`, and `labels`.
    """

    labels: np.ndarray
    tokens: dict[str, Tensor]
    mask: Tensor | None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, positions: list[int]) -> Batch:
        batch = {f"{modality}_tokens": tokens[positions] for modality, tokens in self.tokens.items()}
        if self.mask is not None:
            batch["mask"] = self.mask[positions]
        return batch | {"labels": torch.as_tensor(self.labels[positions])}

    def lengths(self) -> np.ndarray:
        """Zeros: the texts are padded already."""
        return np.zeros(len(self), int)


class Batches(Sampler):
    """Positions in random batches of texts of like length; the order depends on the seed and the epoch alone."""

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
        yield from (batches[place].tolist() for place in rng.permutation(len(batches)))


def in_order(positions: np.ndarray, batch: int) -> list[list[int]]:
    """Positions in batches, for prediction."""
    return [positions[start : start + batch].tolist() for start in range(0, len(positions), batch)]


def pad(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Token numbers and mask, both (B, T), of texts of different lengths."""
    length = max(map(len, texts))
    ids = torch.zeros(len(texts), length, dtype=torch.long)
    mask = torch.zeros(len(texts), length, dtype=torch.bool)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = True
    return ids, mask


def tokenize(texts: pd.Series, tokenizer: Path, max_tokens: int) -> list[list[int]]:
    """Token numbers of each text, with the marks of its start and end, at most `max_tokens`."""
    encoder = Tokenizer.from_file(str(tokenizer))
    encoder.no_padding()
    encoder.enable_truncation(max_tokens)
    return [encoding.ids for encoding in encoder.encode_batch(texts.tolist())]


def image_rows(pairs: pd.DataFrame, index: pd.DataFrame) -> np.ndarray:
    """The row of each pair's image in the image array, joined by image id.

    Raises:
        UserError: a pair has no image in the array.
    """
    rows = pairs["image_id"].map(index.set_index("image_id")["row"])
    if rows.isna().any():
        absent = pairs["image_id"][rows.isna()]
        raise UserError(
            f"{len(absent)} pairs have no image in the array, {absent.iloc[0]} first. Make the pairs from this array."
        )
    return rows.to_numpy(int)


def shuffled(count: int, seed: int) -> np.ndarray:
    """A permutation of the pairs for an ablation."""
    return np.random.default_rng(seed).permutation(count)

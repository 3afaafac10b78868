"""The inputs of a model, joined to the pairs by id and given out in batches."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, distributed
from torch.utils.data import Dataset, Sampler

from lungfuse.encoders import TOKENIZER
from lungfuse.files import slug
from lungfuse.ingest.parts import seed_of_repeat
from lungfuse.modalities import load_inputs
from lungfuse.modalities.data_files import DataFiles, OfModality, Source
from lungfuse.modalities.several import together
from lungfuse.plan.features import feature_sets, reads_features
from lungfuse.plan.job import Files
from lungfuse.plan.names import ENCODER_ROOT
from lungfuse.plan.runs import run_numbers
from lungfuse.settings.model import ModelConfig
from lungfuse.train.ablation import shuffled
from lungfuse.train.stored import StoredTokens, read_tokens

TensorBatch = dict[str, Tensor | OfModality]
LABELS, PART_SCORES = "labels", "part_scores"
BUCKET = 8  # batches among which pairs are sorted by length


@dataclass(frozen=True)
class PairDataset(Dataset):
    """Whole batches of pairs by their positions in the table of pairs.

    `targets` is float of shape (pair, label column), NaN where a label is not known; `sources` holds each modality that
    is read, and `part_scores` what other models have scored, (pair, score column), by the role of each. A batch holds
    `labels`, float32 (B, label column), a dictionary of tensors for each modality, or a list of them where it has
    several inputs, and `part_scores` where there are some.
    """

    targets: np.ndarray
    sources: dict[str, Source]
    part_scores: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, positions: list[int]) -> TensorBatch:
        found: TensorBatch = {LABELS: torch.as_tensor(self.targets[positions], dtype=torch.float32)}
        if self.part_scores:
            scores = {role: each[positions] for role, each in self.part_scores.items()}
            found[PART_SCORES] = {role: torch.as_tensor(each, dtype=torch.float32) for role, each in scores.items()}
        return found | {name: source.batch(positions) for name, source in self.sources.items()}

    def lengths(self) -> np.ndarray:
        """How much there is to read of each pair, (pair,), where that differs."""
        return sum((source.lengths for source in self.sources.values()), np.zeros(len(self), int))


@dataclass(frozen=True)
class Features(StoredTokens):
    """The tokens that a frozen encoder made of one modality of every pair, in batches.

    A batch holds `tokens`, float32 (B, T, width), padded with zeros, and their `mask` (B, T).
    """

    fitted: list[dict] = field(default_factory=list)

    @property
    def lengths(self) -> np.ndarray:
        return self.encoded

    def batch(self, positions: list[int]) -> dict[str, Tensor]:
        places = np.arange(max(1, self.counts[positions].max()))
        mask = places < self.counts[positions][:, None]
        tokens = torch.zeros(*mask.shape, self.tokens.shape[1])
        rows = (self.starts[positions][:, None] + places)[mask]
        mask = torch.from_numpy(mask)
        tokens[mask] = torch.from_numpy(np.asarray(self.tokens[rows])).float()
        return {"tokens": tokens, "mask": mask}

    def reordered(self, order: np.ndarray) -> "Features":
        return replace(self, starts=self.starts[order], counts=self.counts[order], encoded=self.encoded[order])

    def dropped(self) -> "Features":
        return replace(self, counts=np.zeros_like(self.counts), encoded=np.zeros_like(self.encoded))

    def fit(self, train_indices: np.ndarray) -> "Features":
        return self


class Batches(Sampler):
    """Positions in random batches of like length; the order depends on the seed and the epoch alone.

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


def to_device(batch: TensorBatch, device: torch.device) -> TensorBatch:
    """What is read of a batch, on a device."""

    def moved(found: OfModality) -> OfModality:
        if isinstance(found, list):
            return list(map(moved, found))
        return {name: tensor.to(device) for name, tensor in found.items()}

    return {name: moved(found) for name, found in batch.items() if name != LABELS}


def read_features(folder: Path, pair_ids: pd.Series) -> Features:
    """The features in a folder that the stage `features` made, joined to pairs by id.

    Raises:
        UserError: a pair has no features.
    """
    return Features(**vars(read_tokens(folder, pair_ids)))


def data_files_of(config: ModelConfig, pairs: pd.DataFrame, files: Files) -> DataFiles:
    """The files that the inputs of a model are read from, of all that it reads."""
    kinds = ["array", "index", "masks", "structured"]
    folder = ENCODER_ROOT / slug(config.encoders["text"]) if "text" in config.encoders else None
    return DataFiles(
        pairs,
        *(files.get(kind) for kind in kinds),
        files.get("structured_columns"),
        folder and folder / TOKENIZER,
        config.max_tokens,
    )


def sources_of(config: ModelConfig, run: str, data_files: DataFiles, train_indices: np.ndarray) -> dict[str, Source]:
    """What a model reads of the pairs, by modality in order: features where its encoders do not learn, else what they
    are made of.

    What is scaled is so by the pairs at the positions `train_indices`. An ablation permutes one modality over all
    pairs, in each repeat otherwise, or leaves it out.
    """
    found = {}
    for name, choice in config.read_in_training.items():
        if name in config.encoders and reads_features(config):
            read = feature_sets(config, name, run)
            source = together(read_features(made.folder, data_files.pairs["pair_id"]) for made in read)
        else:
            source = load_inputs(name).read(data_files, choice)
        if name == config.changed:
            shuffles = config.ablation.startswith("shuffled")
            seed = seed_of_repeat(config.seed, run_numbers(run)[1])
            source = source.reordered(shuffled(len(data_files.pairs), seed)) if shuffles else source.dropped()
        found[name] = source.fit(train_indices)
    return found

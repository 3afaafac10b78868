"""Features of frozen encoders as they lie on disk; read without PyTorch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.files import read_array
from lungfuse.plan.names import FEATURE_INDEX, FEATURE_TOKENS
from lungfuse.tables.base import read_table
from lungfuse.tables.training import FeatureIndex


@dataclass(frozen=True)
class StoredTokens:
    """The tokens that a frozen encoder made of one modality of every pair.

    `tokens` is float16 of shape (token of all pairs, width); those of a pair are `counts` of them from `starts`, both
    (pair,), none of a pair that lacks the modality. `encoded` is how many the encoder made of each, before they were
    pooled.
    """

    tokens: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    encoded: np.ndarray

    def means(self) -> np.ndarray:
        """The mean token of each pair, float32 of shape (pair, width); NaN of a pair that lacks the modality."""
        bounds = zip(self.starts, self.starts + self.counts, strict=True)
        absent = np.full(self.tokens.shape[1], np.nan, np.float32)
        return np.stack([self.tokens[a:b].mean(0, dtype=np.float32) if a < b else absent for a, b in bounds])


def mean_of(means: list[np.ndarray]) -> np.ndarray:
    """The mean of several mean tokens of each pair, (pair, width) each, over those that it has; NaN without any."""
    if len(means) == 1:
        return means[0]
    values = np.stack(means)
    has = ~np.isnan(values).all(2, keepdims=True)
    count = has.sum(0)
    return np.where(count > 0, np.where(has, values, 0).sum(0) / np.maximum(count, 1), np.nan).astype(np.float32)


def read_tokens(folder: Path, pair_ids: pd.Series) -> StoredTokens:
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
    return StoredTokens(tokens, *(index[column].to_numpy(int) for column in ["start", "tokens", "encoded"]))

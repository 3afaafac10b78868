"""Tokens of frozen encoders, as the stage `features` keeps them."""

from functools import cache
from pathlib import Path

import numpy as np

from lungfuse.encoders.network import Encoder, load_encoder
from lungfuse.files import slug
from lungfuse.modalities.data_files import Source
from lungfuse.settings.base import Precision
from lungfuse.settings.training import Pooling
from lungfuse.train.data import Features
from lungfuse.train.features import encode, pooled

as_it_comes = cache(load_encoder)  # it serves all folds


def load_frozen(encoders: dict[str, str], encoder_root: Path) -> dict[str, Encoder]:
    """Encoders by modality as they come, each loaded once."""
    return {modality: as_it_comes(name, encoder_root / slug(name)) for modality, name in encoders.items()}


def features(encoder: Encoder, source: Source, count: int, precision: Precision, pooling: Pooling) -> Features:
    """The tokens of a modality of `count` cases, or their mean."""
    found = list(encode(encoder, source, count, precision))
    kept = [pooled(each, pooling) for each in found]
    counts, encoded = (np.array([len(each) for each in tokens]) for tokens in [kept, found])
    return Features(np.concatenate(kept).astype(np.float16), np.cumsum([0, *counts[:-1]]), counts, encoded)

"""Texts to the tokens of a text encoder."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tokenizers import Encoding, Tokenizer

from lungfuse.errors import UserError

TEXTS = 1000  # tokenised at once


def tokenize(texts: pd.Series, tokenizer: Path, max_tokens: int) -> list[np.ndarray]:
    """Token numbers of each text, with the marks of its start and end, at most `max_tokens`."""
    return [np.array(encoding.ids, np.int32) for encoding in _encodings(texts, tokenizer, max_tokens)]


def count_tokens(texts: pd.Series, tokenizer: Path) -> np.ndarray:
    """How many tokens each text has before it is cut, with the marks of its start and end; (text,)."""
    return np.array([len(encoding.ids) for encoding in _encodings(texts, tokenizer, None)])


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of an encoder.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more special
        raise UserError(f"{path}: is no tokenizer ({error}). Make the encoder anew: lungfuse encoder.") from error


def _encodings(texts: pd.Series, tokenizer: Path, max_tokens: int | None) -> Iterator[Encoding]:
    encoder = load_tokenizer(tokenizer)
    encoder.no_padding()
    encoder.no_truncation()
    if max_tokens:
        encoder.enable_truncation(max_tokens)
    for start in range(0, len(texts), TEXTS):
        yield from encoder.encode_batch(texts.iloc[start : start + TEXTS].tolist())

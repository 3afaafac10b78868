"""Texts to the tokens of a text encoder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tokenizers import Encoding, Tokenizer

from lungfuse.errors import UserError

TEXTS = 1000  # tokenised at once
MASKS, PADS = ["[MASK]", "<mask>"], ["[PAD]", "<pad>"]  # of BERT and of RoBERTa


@dataclass(frozen=True)
class SpecialTokens:
    """Numbers of a vocabulary that stand for no word: `numbers` are all of them, `padding` fills a batch up, `mask` is
    in place of a word that is left out, None where a vocabulary has none."""

    numbers: tuple[int, ...] = (0,)
    padding: int = 0
    mask: int | None = None


def special_tokens(tokenizer: Path) -> SpecialTokens:
    """The special tokens of an encoder, by its tokenizer."""
    encoder = load_tokenizer(tokenizer)
    numbers = [number for number, token in encoder.get_added_tokens_decoder().items() if token.special]
    found = {name: encoder.token_to_id(name) for name in [*MASKS, *PADS]}
    mask = next((found[name] for name in MASKS if found[name] is not None), None)
    padding = next((found[name] for name in PADS if found[name] is not None), 0)
    return SpecialTokens(tuple(sorted({*numbers, padding, *([] if mask is None else [mask])})), padding, mask)


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

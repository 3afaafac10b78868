"""The words of a text, and what the tokens of an encoder give to each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.encoders.tokens import load_tokenizer


@dataclass(frozen=True)
class Words:
    """A text as its encoder reads it: `starts` and `ends` of its words, (word,), in characters, and the word that each
    token belongs to, (token,), -1 where it is none."""

    text: str
    starts: np.ndarray
    ends: np.ndarray
    of_token: np.ndarray

    def relevance(self, of_tokens: np.ndarray) -> np.ndarray:
        """The sums of the relevance of tokens, (token,), over each word, (word,)."""
        inside = self.of_token >= 0
        found = of_tokens[: len(self.of_token)][inside]
        return np.bincount(self.of_token[inside], found, minlength=len(self.starts))

    def within(self, passage: str) -> np.ndarray:
        """Which words lie in the first place where a passage stands, (word,)."""
        start = self.text.find(passage) if passage else -1
        return (self.starts >= start) & (self.ends <= start + len(passage)) & (start >= 0)


def read_words(texts: pd.Series, tokenizer: Path, max_tokens: int | None) -> list[Words]:
    """The words of texts as far as an encoder reads them."""
    encoder = load_tokenizer(tokenizer)
    encoder.no_padding()
    if max_tokens:
        encoder.enable_truncation(max_tokens)
    return [_words(text, encoder.encode(text)) for text in texts]


def _words(text: str, encoding) -> Words:
    of_token = np.array([-1 if word is None else word for word in encoding.word_ids], int) if text else np.zeros(0, int)
    count = of_token.max(initial=-1) + 1
    starts, ends = np.full(count, len(text)), np.zeros(count, int)
    for word, (start, end) in zip(of_token, encoding.offsets, strict=False):
        if word >= 0:
            starts[word], ends[word] = min(starts[word], start), max(ends[word], end)
    return Words(text, starts, ends, of_token)

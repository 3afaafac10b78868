"""Texts without the sentences that state what is asked."""

import re
from collections.abc import Sequence

import pandas as pd

SENTENCE_END = re.compile(r"(?<=[.!?;])\s+")


def without_sentences(texts: pd.Series, words: Sequence[str]) -> pd.Series:
    """Texts without the sentences in which a word begins like one of `words`; case does not count."""
    stated = re.compile(rf"\b({'|'.join(map(re.escape, words))})", re.IGNORECASE)
    return texts.map(lambda text: " ".join(each for each in SENTENCE_END.split(text) if not stated.search(each)))

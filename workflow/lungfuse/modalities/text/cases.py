"""The texts of new cases."""

import pandas as pd

from lungfuse.encoders import TOKENIZER
from lungfuse.encoders.tokens import count_tokens, tokenize
from lungfuse.modalities.text.inputs import TextSource
from lungfuse.modalities.text.redaction import without_sentences
from lungfuse.predict.cases import Column, Part, Setup


def columns(choice: str, known: list[dict]) -> list[Column]:
    return [Column("text", "text")]


def check(frame: pd.DataFrame, columns: list[Column]) -> None:
    """Any text can be read."""


def read(part: Part, choice: str, setup: Setup) -> TextSource:
    encoder, most = setup.encoders.text, setup.encoders.text_tokens
    return part.once(("text", encoder, most, setup.cut), lambda: _tokens(part, encoder, most, setup))


def texts_of(part: Part, setup: Setup) -> pd.Series:
    """The texts without the sentences that those of the training lack."""
    texts = part.column("text")
    if not setup.cut:
        return texts
    return part.once(("redacted", setup.cut), lambda: _redacted(part, texts, setup.cut))


def _redacted(part: Part, texts: pd.Series, words: tuple[str, ...]) -> pd.Series:
    found = without_sentences(texts, words)
    if changed := (found != texts).sum():
        part.notes["sentences that may tell what is asked are not read, as in training"] += int(changed)
    return found


def _tokens(part: Part, encoder: str, most: int, setup: Setup) -> TextSource:
    texts, tokenizer = texts_of(part, setup), part.encoder_root / encoder / TOKENIZER
    if cut := (count_tokens(texts, tokenizer) > most).sum():
        part.notes[f"text is cut after the {most} tokens that {encoder} reads"] += int(cut)
    numbers = tokenize(texts, tokenizer, most)
    return TextSource([found if text else found[:0] for text, found in zip(texts, numbers, strict=True)])

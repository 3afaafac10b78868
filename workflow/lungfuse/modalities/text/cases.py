"""The texts of new cases."""

import pandas as pd

from lungfuse.encoders import TOKENIZER
from lungfuse.encoders.tokens import count_tokens
from lungfuse.files import slug
from lungfuse.modalities.new_cases import Batch, Column, Preprocessing
from lungfuse.modalities.text.inputs import TextSource, text_source
from lungfuse.redaction import without_sentences


def columns(choice: str, known: list[dict]) -> list[Column]:
    return [Column("text", "text")]


def check(frame: pd.DataFrame, columns: list[Column]) -> None:
    """Any text can be read."""


def read(batch: Batch, choice: str, preprocessing: Preprocessing) -> TextSource:
    encoder, most = preprocessing.text_encoder, preprocessing.max_tokens
    return batch.once(
        ("text", encoder, most, preprocessing.redact_terms), lambda: _tokens(batch, encoder, most, preprocessing)
    )


def texts_of(batch: Batch, preprocessing: Preprocessing) -> pd.Series:
    """The texts without the sentences that those of the training lack."""
    texts = batch.column("text")
    if not preprocessing.redact_terms:
        return texts
    return batch.once(
        ("redacted", preprocessing.redact_terms), lambda: _redacted(batch, texts, preprocessing.redact_terms)
    )


def _redacted(batch: Batch, texts: pd.Series, words: tuple[str, ...]) -> pd.Series:
    found = without_sentences(texts, words)
    if changed := (found != texts).sum():
        batch.notes["sentences that may tell what is asked are not read, as in training"] += int(changed)
    return found


def _tokens(batch: Batch, encoder: str, most: int, preprocessing: Preprocessing) -> TextSource:
    texts, tokenizer = texts_of(batch, preprocessing), batch.encoder_root / slug(encoder) / TOKENIZER
    if cut := (count_tokens(texts, tokenizer) > most).sum():
        batch.notes[f"text is cut after the {most} tokens that {encoder} reads"] += int(cut)
    return text_source(texts, tokenizer, most)

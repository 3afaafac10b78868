"""The texts of new cases."""

import pandas as pd

from lungfuse.encoders import TOKENIZER
from lungfuse.encoders.tokens import count_tokens
from lungfuse.files import slug
from lungfuse.modalities.data_files import Source
from lungfuse.modalities.new_cases import Batch, Column, Preprocessing
from lungfuse.modalities.several import together
from lungfuse.modalities.text import one_text, sources
from lungfuse.modalities.text.inputs import TextSource, text_source
from lungfuse.redaction import without_sentences


def columns(choice: str, known: list[dict]) -> list[Column]:
    names = sources(choice)
    return [Column(_column(name) if len(names) > 1 else "text", "text") for name in names]


def _column(section: str) -> str:
    """That of a section in a table of cases with several."""
    return f"text_{section}"


def check(frame: pd.DataFrame, columns: list[Column]) -> None:
    """Any text can be read."""


def read(batch: Batch, choice: str, preprocessing: Preprocessing) -> Source:
    return together(_read_one(batch, each, preprocessing) for each in sources(choice))


def _read_one(batch: Batch, choice: str, preprocessing: Preprocessing) -> TextSource:
    name, encoder, most = _column_in(batch, choice), preprocessing.text_encoder, preprocessing.max_tokens
    return batch.once(
        (name, encoder, most, preprocessing.redact_terms), lambda: _tokens(batch, choice, most, preprocessing)
    )


def texts_of(batch: Batch, choice: str, preprocessing: Preprocessing) -> pd.Series:
    """The texts without the sentences that those of the training lack, several as one."""
    return one_text(_text_of(batch, each, preprocessing) for each in sources(choice))


def _text_of(batch: Batch, choice: str, preprocessing: Preprocessing) -> pd.Series:
    name = _column_in(batch, choice)
    texts = batch.column(name)
    if not preprocessing.redact_terms:
        return texts
    redacted = ("redacted", name, preprocessing.redact_terms)
    return batch.once(redacted, lambda: _redacted(batch, texts, preprocessing.redact_terms))


def _column_in(batch: Batch, section: str) -> str:
    """The column of a section, where the cases have several, or that of their only text."""
    return _column(section) if _column(section) in batch.frame else "text"


def _redacted(batch: Batch, texts: pd.Series, words: tuple[str, ...]) -> pd.Series:
    found = without_sentences(texts, words)
    if changed := (found != texts).sum():
        batch.notes["sentences that may state the outcome are left out, as in training"] += int(changed)
    return found


def _tokens(batch: Batch, choice: str, most: int, preprocessing: Preprocessing) -> TextSource:
    encoder, texts = preprocessing.text_encoder, texts_of(batch, choice, preprocessing)
    tokenizer = batch.encoder_root / slug(encoder) / TOKENIZER
    if cut := (count_tokens(texts, tokenizer) > most).sum():
        batch.notes[f"text is cut after the {most} tokens that {encoder} reads"] += int(cut)
    return text_source(texts, tokenizer, most)

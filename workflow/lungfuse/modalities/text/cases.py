"""The texts of new cases."""

import pandas as pd

from lungfuse.encoders import TOKENIZER
from lungfuse.encoders.tokens import count_tokens, tokenize
from lungfuse.modalities.text.inputs import TextSource
from lungfuse.predict.cases import Column, Part, Setup


def columns(choice: str, known: list[dict]) -> list[Column]:
    return [Column("text", "text")]


def check(frame: pd.DataFrame, columns: list[Column]) -> None:
    """Any text can be read."""


def read(part: Part, choice: str, setup: Setup) -> TextSource:
    encoder, most = setup.encoders.text, setup.encoders.text_tokens
    return part.once(("text", encoder, most), lambda: _tokens(part, encoder, most))


def _tokens(part: Part, encoder: str, most: int) -> TextSource:
    texts, tokenizer = part.column("text"), part.encoder_root / encoder / TOKENIZER
    if cut := (count_tokens(texts, tokenizer) > most).sum():
        part.notes[f"text is cut after the {most} tokens that {encoder} reads"] += int(cut)
    numbers = tokenize(texts, tokenizer, most)
    return TextSource([found if text else found[:0] for text, found in zip(texts, numbers, strict=True)])

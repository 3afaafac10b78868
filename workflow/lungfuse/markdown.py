"""Texts and tables in Markdown that shows them as they are, whatever the words of a table of cases."""

import re

import pandas as pd

# A lone < or & and an underscore inside a word mean nothing, and stay: pages are read as plain files too.
_MARKS = re.compile(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])")
_TAG, _ENTITY = re.compile(r"<(?=[A-Za-z/!?])"), re.compile(r"&(?=#?\w+;)")
_FIRST = re.compile(
    r"^(\s*(?:\d+(?=[.)](?:\s|$))|(?=(?:#{1,6}|[-+>]|--+|=+)(?:\s|$))))"
)  # of a list, a heading, a quote
_ENDS = re.compile(r"\s*[\n\r\v\f\x85\u2028\u2029]\s*")


class Markdown(str):
    """Text that is Markdown already, so `escape` leaves it alone."""


def escape(text: str) -> Markdown:
    """A text on one line, in which no character means something in Markdown or begins a tag or an entity of HTML."""
    if isinstance(text, Markdown):
        return text
    line = _MARKS.sub(r"\\\g<0>", _ENDS.sub(" ", text))
    return Markdown(_FIRST.sub(r"\1\\", _TAG.sub("&lt;", _ENTITY.sub("&amp;", line))))


def link(address: str) -> Markdown:
    """An address to click on, or the plain text where it is none of the web."""
    return Markdown(f"<{address}>") if re.fullmatch(r"https?://[^\s<>]+", address) else escape(address)


def table(frame: pd.DataFrame) -> Markdown:
    """A table with its texts as they are; missing values are empty."""
    shown = frame.astype(object).where(frame.notna(), "")
    return Markdown(escaped(shown).to_markdown(index=False, disable_numparse=True))


def escaped(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with its texts and headings escaped; others of its values stay."""
    cells = frame.map(lambda value: escape(value) if isinstance(value, str) else value)
    return cells.rename(columns=lambda name: escape(str(name)))

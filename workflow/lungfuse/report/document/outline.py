"""The parts of a document in their sections, with the numbers of figures and tables."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup

from lungfuse.plan.report_items import SECTIONS, ReportPart
from lungfuse.report.document.figures import inlined
from lungfuse.report.document.pages import as_part
from lungfuse.report.document.tables import Shown, read_shown, shown_frame

FOLDED = {"data_card", "model_card"}  # pages that a reader opens
OF_CASES = {"data_check"}  # pages that quote cells and texts
NOT_SHARED = "It quotes cells and texts of single cases, so it is not in a report that is shared."
INLINE = MarkdownIt("commonmark", {"html": False})
FIRST_SENTENCE = re.compile(r"(?<=[.:]) ")
ANCHOR = re.compile(r'id="([^"]+)"(?: data-title="([^"]+)")?>([^<]*)')


@dataclass(frozen=True)
class Figure:
    """A figure with its number; `file` is its path in the project."""

    number: int
    svg: Markup
    file: str


@dataclass(frozen=True)
class NumberedTable:
    """A table with its number."""

    number: int
    shown: Shown


@dataclass(frozen=True)
class Entry:
    """A part as it is shown. `above` is the number of its figure where that is at the head."""

    name: str
    title: str
    caption: Markup
    figure: Figure | None
    table: NumberedTable | None
    body: Markup
    above: int | None = None

    @property
    def folded(self) -> bool:
        return self.name in FOLDED


@dataclass(frozen=True)
class Section:
    """A section: its own text, and its entries."""

    title: str
    text: Markup
    entries: list[Entry]

    @property
    def anchor(self) -> str:
        return "section-" + re.sub(r"\W+", "-", self.title.lower())


class Outline:
    """Makes entries of parts; figures and tables are numbered in the order in which they are made.

    Parameters
    ----------
    folder
        The folder of the document.
    alts
        What figures show, by the names of their parts, where their caption does not say it.
    frames
        Tables that are no files, by the names of their parts.
    aggregate
        Whether nothing of single cases is shown.
    """

    def __init__(
        self, folder: Path, alts: dict[str, str], frames: dict[str, pd.DataFrame], aggregate: bool = False
    ) -> None:
        self.folder, self.alts, self.frames, self.aggregate = folder, alts, frames, aggregate
        self.figures, self.tables = count(1), count(1)

    def figure(self, part: ReportPart) -> Figure | None:
        """The figure of a part."""
        if part.figure is None:
            return None
        said = self.alts.get(part.name) or FIRST_SENTENCE.split(part.item.caption, maxsplit=1)[0]
        return Figure(
            next(self.figures),
            inlined(part.figure, part.name, f"{part.item.title}. {said}"),
            part.figure.as_posix(),
        )

    def table(self, part: ReportPart) -> NumberedTable | None:
        """The table of a part, unless it has no rows."""
        if part.name in self.frames:
            found = shown_frame(self.frames[part.name], f"{part.name}.csv")
        elif part.table:
            found = read_shown(part.table, self.folder, self.aggregate)
        else:
            return None
        return NumberedTable(next(self.tables), found) if found.rows else None

    def lead(self, part: ReportPart) -> Entry:
        """The main part at the head of the document: its figure alone."""
        return Entry(part.name, part.item.title, inline(part.item.caption), self.figure(part), None, Markup(""))

    def entry(self, part: ReportPart, lead: Entry) -> Entry:
        """A part in its section; the figure of the main one is at the head of the document."""
        above = lead.figure.number if part.name == lead.name and lead.figure else None
        figure = None if above else self.figure(part)
        body = as_part(part.page.read_text(encoding="utf-8"), part.item.title) if part.page else Markup("")
        if self.aggregate and part.name in OF_CASES:
            body = Markup(f"<p>{NOT_SHARED}</p>")
        return Entry(part.name, part.item.title, inline(part.item.caption), figure, self.table(part), body, above)

    def sections(self, parts: Iterable[ReportPart], texts: dict[str, Markup], lead: Entry) -> Iterator[Section]:
        """The sections that have a text or a part, in their order."""
        parts = sorted(parts, key=lambda part: part.item.place)
        for title in SECTIONS:
            own = [part for part in parts if part.item.section == title]
            if own or title in texts:
                yield Section(title, texts.get(title, Markup("")), [self.entry(part, lead) for part in own])


def inline(text: str) -> Markup:
    """A line of Markdown as HTML, in which HTML is text like any other."""
    return Markup(INLINE.renderInline(text))


def anchors(sections: Iterable[Section]) -> Iterator[tuple[str, str]]:
    """Every place in some sections that a link may lead to, with its title."""
    for section in sections:
        yield section.anchor, section.title
        for entry in section.entries:
            yield entry.name, entry.title
        for anchor, title, text in ANCHOR.findall(str(section.text)):
            yield anchor, title or text or section.title

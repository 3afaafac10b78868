"""Pages of HTML made from Markdown, and tables in them."""

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from lungfuse.markdown import Markdown, escape, link, table

SYNTAX = {"trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined, "keep_trailing_newline": True}
IN_HTML = Environment(loader=PackageLoader("lungfuse.report"), autoescape=True, **SYNTAX)
IN_MARKDOWN = Environment(
    loader=PackageLoader("lungfuse.report"),
    finalize=lambda value: escape(value) if isinstance(value, str) else value,
    **SYNTAX,
)
IN_MARKDOWN.filters["link"] = link


def as_html(text: str, title: str) -> str:
    """A page of HTML from Markdown, in which HTML is text like any other."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return IN_HTML.get_template("page.html").render(title=title, body=Markup(body))


def table_page(title: str, above: str, shown: pd.DataFrame, caption: str = "") -> str:
    """A table as a page of HTML, with a text above it."""
    parts = [f"# {escape(title)}: {escape(above)}", escape(caption), markdown(shown)]
    return as_html("\n\n".join(filter(None, parts)), above)


def markdown(frame: pd.DataFrame) -> Markdown:
    """A table as Markdown, with a column of structured inputs where there are some."""
    if "structured" in frame and (frame["structured"] == "").all():
        frame = frame.drop(columns="structured")
    return table(frame)

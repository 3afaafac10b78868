"""Pages of Markdown as parts of a document."""

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

LEVEL = 2  # by which headings go down: the document has the title, the section and the part above them
BEFORE = '<div class="scroll" tabindex="0" role="region" aria-label="Table of {}">'


def as_part(text: str, title: str) -> Markup:
    """A page of Markdown as HTML, in which HTML is text like any other, without its own title."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens, shown, skipping = parser.parse(text), [], False
    for token in tokens:
        if token.type == "heading_open" and token.tag == "h1":
            skipping = True
        if not skipping:
            shown += around(lowered(token), title)
        if token.type == "heading_close" and token.tag == "h1":
            skipping = False
    return Markup(parser.renderer.render(shown, parser.options, {}))


def lowered(token: Token) -> Token:
    """A heading at its level in the document."""
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + LEVEL)}"
    return token


def around(token: Token, title: str) -> list[Token]:
    """A table in a frame that scrolls."""
    if token.type == "table_open":
        opened = Markup(BEFORE).format(title)
        token.attrSet("class", "plain")
        return [Token("html_block", "", 0, content=str(opened)), token]
    return [token, Token("html_block", "", 0, content="</div>")] if token.type == "table_close" else [token]

"""Words of a table of cases are shown as they are, wherever a page has them."""

import html
import re

import pandas as pd
import pytest

from lungfuse.markdown import Markdown, escape, link, table
from lungfuse.report.pages import as_html

SCRIPT = "<script>window.PWNED=1</script>"
WORDS = [
    SCRIPT, "<img src=x onerror=window.PWNED=1>", "&lt;script&gt;", "B&B", "p < .05", "|a|b|", "`x`", "*y* __z__ _x_",
    "[x](javascript:alert(1))", "![i](x)", "<http://x.y>", "# head", "- item", "> quote", "1. one", "12) two", "---",
    "~~s~~", "a\\", "-10.0 (-20.0 to 5.0)", "kv-exchange_all", "a_b",
]  # fmt: skip


def body_of(markdown: str) -> str:
    return re.search(r"<body>\s*(.*?)\s*</body>", as_html(markdown, "study"), re.S)[1]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_shown_as_it_is_in_a_line_and_in_a_cell(word):
    shown = html.escape(word, quote=False)
    assert body_of(escape(word)) == f"<p>{shown}</p>"
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", body_of(table(pd.DataFrame({word: [word, "next"]}))))
    assert cells == [shown, shown, "next"]


def test_what_reads_well_in_a_plain_file_stays_so():
    assert escape("accuracy < .001, early_image-text, B&B") == "accuracy < .001, early_image-text, B&B"
    assert escape("two\nlines\r\n\n# of a heading") == "two lines # of a heading"
    assert escape(Markdown("**bold**")) == "**bold**"


def test_a_tag_is_none_for_a_reader_of_markdown_that_knows_no_backslash_before_it():
    assert escape("<b>&lt;") == "&lt;b>&amp;lt;"


def test_missing_values_of_a_table_are_empty():
    assert "nan" not in table(pd.DataFrame({"p": [0.5, None]}))


def test_an_address_of_the_web_is_a_link_and_another_is_text():
    assert body_of(link("https://x.org/a_b")) == '<p><a href="https://x.org/a_b">https://x.org/a_b</a></p>'
    assert body_of(link("javascript:alert(1)")) == "<p>javascript:alert(1)</p>"


def test_html_in_markdown_and_in_a_title_is_text():
    page = as_html(f"# {SCRIPT}\n\nand {SCRIPT} <b>bold</b>", f"study ({SCRIPT})")
    assert SCRIPT not in page and "<b>" not in page
    assert page.count(html.escape(SCRIPT)) == 3

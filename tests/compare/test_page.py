import pandas as pd
import pytest
from small_comparison import BINARY

from lungfuse.compare.page import WIDTH, in_markdown, p_in_words, render, short, shortened
from lungfuse.parameters import Heading

DEMO = Heading(title="demo", notice="drawn images, not patients")


def cells(page: str) -> list[list[str]]:
    """The cells of the tables of a page, line by line."""
    lines = [line for line in page.splitlines() if line.startswith("|") and not line.startswith("|:")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_has_the_notice_the_scores_and_the_published_figures(table, pairs, settings):
    page = render(BINARY, table, pairs, DEMO, settings)
    assert "**drawn images, not patients**" in page
    assert ["model", "reads", "accuracy", "AUROC"] in cells(page)
    (tfidf,) = (line for line in cells(page) if line[:2] == ["tfidf", "findings"])
    low, high = (table.set_index("row").loc["tfidf", f"accuracy_{end}"] for end in ["low", "high"])
    assert tfidf[2] == f".950 {short(low)}-{short(high)}"
    assert ["model", "own text", "published"] in cells(page) and "- findings: 0.88, 78 reports" in page


def test_the_page_says_what_is_held_apart_and_how_models_do_on_texts_of_their_own(table, pairs, settings):
    page = render(BINARY, table, pairs, DEMO, settings)
    assert "Held apart: pairs of a patient." in page
    assert "80 findings texts also occur word for word in a training fold" in page.replace("\n", " ")
    assert ["tfidf", "(0)", "0.88"] in cells(page)
    assert ["tfidf_indication", f".525 (80, {pairs['label'].sum()})", ""] in cells(page)


def test_the_page_says_which_models_were_trained_several_times(table, pairs, settings):
    several = render(BINARY, table.assign(repeats=range(1, 1 + len(table))), pairs, DEMO, settings)
    header, first, second, *_ = cells(several)
    column = header.index("trainings")
    assert (first[column], second[column]) == ("1", "2")
    assert "trainings" not in render(BINARY, table, pairs, DEMO, settings)


def test_no_line_is_longer_than_a_terminal_is_wide(table, pairs, settings):
    named = table.assign(
        row=[f"{name}_of-a-model-with-a-very-long-name-that-goes-on" for name in table["row"]],
        structured="age sex smoker pack_years", images="segmented:unet-cxr-masks", reference="another_" * 9,
        p_vs_best_unimodal=0.01, p_corrected=0.02, repeats=3,
    )  # fmt: skip
    page = render(BINARY, named, pairs, DEMO, settings)
    assert max(map(len, page.splitlines())) <= WIDTH
    assert "4 columns" in page and "…" in page
    assert max(map(len, render(BINARY, table, pairs, DEMO, settings).splitlines())) <= WIDTH


def test_a_table_that_is_narrow_enough_is_left_as_it_is():
    table = pd.DataFrame({"model": ["early", ""], "p": [0.5, None]})
    assert in_markdown(table).splitlines()[2].split() == ["|", "early", "|", "0.5", "|"]
    assert in_markdown(table[:0]).startswith("| model")


@pytest.mark.parametrize(
    ("name", "width", "found"), [("kv-exchange", 11, "kv-exchange"), ("kv-exchange_all", 10, "kv-ex…_all")]
)
def test_a_long_name_loses_its_middle(name, width, found):
    assert shortened(name, width) == found


def test_shares_take_four_characters():
    assert [short(value) for value in [0.0, 0.8178, 0.99951, 1.0]] == [".000", ".818", "1.00", "1.00"]


def test_p_is_shown_as_a_limit_where_the_draws_allow_no_less():
    shown = [p_in_words(p) for p in [1 / 100_001, round(1 / 100_001, 6), 0.0005, 0.0624, float("nan")]]
    assert shown == ["≤ 0.00001", "≤ 0.00001", "< 0.001", "0.0624", ""]

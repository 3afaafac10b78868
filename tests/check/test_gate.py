"""What stops the workflow, and what is printed."""

import pandas as pd
import pytest

from lungfuse.check.text import as_page, for_terminal
from lungfuse.errors import UserError
from lungfuse.ingest.gate import check_findings, unmatched
from lungfuse.tables.base import columns
from lungfuse.tables.check import Findings, UnivariateAUROC

FOUND = pd.DataFrame(
    [
        ("stop", "giveaway", "dx_type", "The column dx_type predicts nv.", "Rows seem better.", "Take it out."),
        ("stop", "sources", "site", "The site predicts nv.", "Rows predict the site.", "Compare one site."),
        ("warning", "images", "blank", "3 images show nothing: a|b.", "They say nothing.", "Fix the files."),
        ("note", "classes", "counts", "10 cases, " + "word " * 60 + "end.", "None.", "Nothing."),
    ],
    columns=columns(Findings),
)
SCORES = pd.DataFrame([("column", "dx_type", "nv", 10, 0.987, 0.5)], columns=columns(UnivariateAUROC))


def test_each_stop_is_named_with_its_remedy_and_how_to_allow_it():
    with pytest.raises(UserError) as raised:
        check_findings(FOUND, [], "results/mine/check.csv")
    said = str(raised.value)
    assert said.startswith("results/mine/check.csv: ")
    assert "giveaway dx_type: The column dx_type predicts nv. Rows seem better. Take it out." in said
    assert 'check: {allow: ["giveaway dx_type", "sources site"]}' in said
    assert "blank" not in said


def test_what_is_allowed_does_not_stop_the_rest_does():
    check_findings(FOUND, ["giveaway dx_type", "sources site"], "check.csv")
    with pytest.raises(UserError, match=r'allow: \["sources site"\]'):
        check_findings(FOUND, ["giveaway dx_type"], "check.csv")
    check_findings(FOUND[FOUND["severity"] != "stop"], [], "check.csv")


def test_what_is_allowed_and_was_not_found_is_reported():
    assert unmatched(FOUND, ["giveaway dx_type", "giveaway age"]) == ["giveaway age"]
    assert "check.allow names 'giveaway age'" in for_terminal(FOUND, "mine", ["giveaway age"])


def test_the_text_is_severest_first_and_wrapped():
    lines = for_terminal(FOUND, "mine").splitlines()
    assert lines[0] == "Data check of mine: 2 stops, 1 warning, 1 note"
    heads = [line for line in lines if not line.startswith(" ") and ": " in line and "  " in line]
    assert heads == [
        "STOP  giveaway: dx_type", "STOP  sources: site", "WARNING  images: blank", "note  classes: counts",
    ]  # fmt: skip
    assert max(map(len, lines)) <= 100
    assert '    check: {allow: ["giveaway dx_type", "sources site"]}' in lines


def test_the_page_has_the_findings_and_the_scores():
    page = as_page(FOUND, SCORES, "mine")
    assert page.index("## Stop") < page.index("## Warning") < page.index("## Note")
    assert "**giveaway: dx_type.**" in page
    assert "a\\|b" in page
    assert "| column | dx_type | nv" in page
    assert "0.987" in page
    assert "Nothing found" in as_page(FOUND[:0], SCORES[:0], "mine")

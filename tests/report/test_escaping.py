"""Words of the table and of the settings are shown in cards and figures, and never run."""

import pandas as pd
import pytest
from conftest import ROOT

from lungfuse.markdown import Markdown
from lungfuse.plan.load import load_study
from lungfuse.report.cards import about_columns, about_data
from lungfuse.report.layout import IN_MARKDOWN, as_html
from lungfuse.report.style import save, sheet
from lungfuse.settings.params import read_params
from lungfuse.tables.ingest import SECTIONS, rejected_table
from lungfuse.tasks import load_task

SCRIPT = "</td></script><script>window.PWNED=1</script>"
ESCAPED = "&lt;/td&gt;&lt;/script&gt;&lt;script&gt;window.PWNED=1&lt;/script&gt;"


@pytest.fixture
def study():
    """The demo, labelled by words of a column that would run in a page."""
    params = read_params(ROOT / "params.yaml") | {"study": "demo"}
    words = {"normal": SCRIPT, "lung": "high"}
    rules = [{"name": name, "column": "crp", "positive": [word]} for name, word in words.items()]
    params["studies"]["demo"] |= {
        "notice": SCRIPT,
        "models": {"majority": {}},
        "filter": {"labels": rules, "balance": "none"},
    }
    return load_study(params)[1]


def test_the_data_card_shows_words_that_would_run_as_words(study):
    task = load_task("binary", study.labels)
    pairs = pd.DataFrame({"pair_id": ["a", "b"], "label": [0, 1], "fold": [0, 1], "site": [SCRIPT, "B&B"]})
    pairs = pairs.assign(image_id="", text="", report_id=pairs["pair_id"], group=[0, 1], **dict.fromkeys(SECTIONS, ""))
    values = pd.DataFrame({"sex": [SCRIPT, SCRIPT]})
    described = pd.DataFrame({"name": ["sex"], "kind": ["category"], "unit": [""]})
    funnel = pd.DataFrame({"step": ["pairs"], "count": [2]})
    rejected = rejected_table([("image", "a", f"is {SCRIPT}")])
    about = about_data(study, task, pairs, funnel, rejected, None)
    about |= about_columns(study, task, pairs, values, described)
    shared = {"title": Markdown("demo"), "study": study, "labels": study.labels, "version": "1"}
    page = as_html(IN_MARKDOWN.get_template("data_card.md").render(shared | about), f"demo ({SCRIPT})")
    assert "<script" not in page
    for said in [f"<td>{ESCAPED}</td>", f"is {ESCAPED}", f"its crp is {ESCAPED}", f"<title>demo ({ESCAPED})"]:
        assert said in page.replace(' style="text-align:left"', ""), said


def test_a_figure_shows_words_that_would_run_or_be_a_formula_as_words(tmp_path):
    figure, panels = sheet(SCRIPT, 1, 1, 1.0)
    panels[0, 0].set_yticks([0], [r"$\wrong{$"])
    save(figure, tmp_path / "figure.svg")
    drawn = (tmp_path / "figure.svg").read_text()
    assert "<script" not in drawn and ESCAPED in drawn
    assert r"$\wrong{$" in drawn

"""The report of the demo, looked through in a browser."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, run_tool
from screenshots import find_browser

SHOWN = [
    "1 Data: Filters",
    "1 Data: Classes and lengths",
    "1 Data: Examples",
    "1 Data: Data card",
    "2 Masks: Segmenters",
    "2 Masks: Masks of unet-cxr-masks",
    "3 Comparison: Models",
    "3 Comparison: Models: table",
    "3 Comparison: Parts",
    "4 Errors: ROC and calibration curves",
    "4 Errors: Confusion matrices",
    "4 Errors: Disagreements",
    "4 Errors: Attention of kv-exchange",
    "5 Calibration and use: Calibration",
    "5 Calibration and use: Net benefit",
    "6 Leakage: Flaws of the published protocol",
    "7 Training: Training curves",
    "7 Training: Run times",
    "8 Cards and settings: Model card",
    "8 Cards and settings: Settings",
]


@pytest.fixture(scope="module")
def look(tmp_path_factory):
    """Look through a report in a browser; skipped with the reason where there is none."""
    if not find_browser():
        pytest.skip("neither Chromium nor Chrome is installed")

    def look(report: Path) -> subprocess.CompletedProcess:
        folder = tmp_path_factory.mktemp("screenshots")
        return run_tool(ROOT, sys.executable, "workflow/scripts/screenshots.py", str(report), str(folder))

    return look


def test_the_report_shows_every_figure_and_table_in_a_browser(look, finished_demo):
    seen = look(finished_demo / "results/demo/report.html")
    assert seen.returncode == 0, seen.stdout
    assert [shown for shown in SHOWN if shown not in seen.stdout] == []


def test_a_blank_figure_and_a_broken_page_are_seen_in_the_browser(look, finished_demo, tmp_path):
    page = (finished_demo / "results/demo/report.html").read_text()
    drawn = base64.b64encode((finished_demo / "results/demo/figures/funnel.svg").read_bytes()).decode()
    blank = base64.b64encode(b'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"/>').decode()
    assert drawn in page
    (tmp_path / "report.html").write_text(page.replace(drawn, blank))
    assert "figures/funnel.svg: is blank" in look(tmp_path / "report.html").stdout
    (tmp_path / "report.html").write_text(page.replace("var results = {", "throw Error('lost'); var results = {"))
    broken = look(tmp_path / "report.html")
    assert broken.returncode != 0
    assert "lost" in broken.stdout

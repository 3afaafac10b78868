"""The report of the demo, looked through in a browser."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import ROOT, run_tool
from playwright.sync_api import sync_playwright
from screenshots import STILL, find_browser

MOST_BYTES = 3_000_000
ALIKE = "figure svg > *, tbody tr:nth-child(n+4)"  # what an image is made of, and rows that look as those above
MOST_WORK = 1.0  # seconds of the page's own thread until it is loaded, whatever else the machine does
SHOWN = [
    "Data: Filters",
    "Data: Data check",
    "Data: Examples",
    "Masks: Masks of unet-cxr-masks",
    "Methods",
    "Results: Does fusion help",
    "Results: Models",
    "Where the gain comes from: Inputs shuffled",
    "Errors: ROC and calibration curves",
    "Errors: Confusion matrices",
    "Calibration and net benefit: Net benefit",
    "Subgroups: Gain by subgroup",
    "Disagreements and explanations: Disagreements",
    "Leakage: Flaws of the published protocol",
    "Training: Training curves",
    "Limits",
    "Cards: Model card",
    "Settings and versions: Settings",
    "How to rerun",
    "Reporting checklists",
]


@pytest.fixture(scope="module", autouse=True)
def browser():
    """A browser; without one these tests are skipped with the reason."""
    if not find_browser():
        pytest.skip("neither Chromium nor Chrome is installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(finished_demo) -> Path:
    return finished_demo / "results/demo/report.html"


@pytest.fixture
def page(browser, report):
    opened = browser.new_page(viewport={"width": 1366, "height": 900}, accept_downloads=True)
    opened.goto(report.as_uri())
    yield opened
    opened.close()


@pytest.fixture
def look(tmp_path):
    """Look through a report."""

    def look(report: Path, *options: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "workflow/scripts/screenshots.py", str(report), str(tmp_path / "shots"), *options]
        return run_tool(ROOT, *command)

    return look


@pytest.mark.parametrize("options", [[], ["--dark", "--width", "390"]], ids=["desk", "dark phone"])
def test_the_report_shows_every_figure_and_table(look, report, options):
    seen = look(report, *options)
    assert seen.returncode == 0, seen.stdout
    assert [shown for shown in SHOWN if shown not in seen.stdout] == []


def test_a_blank_figure_a_lost_link_and_a_broken_page_are_seen(look, report, tmp_path):
    text, broken = report.read_text(), tmp_path / "report.html"
    drawn = re.search(r'<svg role="img"[^>]*data-figure="funnel"[^>]*>(.*?)</svg>', text, re.S)[1]
    assert drawn
    broken.write_text(text.replace(drawn, "").replace('href="#answer"', 'href="#nowhere"', 1))
    said = look(broken).stdout
    assert "funnel: a figure is blank" in said and "nowhere: a link leads nowhere" in said
    broken.write_text(text.replace('"use strict";', 'throw Error("lost");', 1))
    assert "lost" in look(broken).stdout


def test_the_report_is_small_and_opens_at_once(browser, report):
    assert report.stat().st_size < MOST_BYTES
    opened = browser.new_page()
    measures = opened.context.new_cdp_session(opened)
    measures.send("Performance.enable", {"timeDomain": "threadTicks"})
    opened.goto(report.as_uri())
    found = {each["name"]: each["value"] for each in measures.send("Performance.getMetrics")["metrics"]}
    opened.close()
    assert 0 < found["TaskDuration"] < MOST_WORK


@pytest.mark.parametrize(("scheme", "width"), [("light", 1366), ("dark", 390)])
def test_who_cannot_see_well_can_read_it(page, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    page.add_style_tag(content=STILL)  # parts that are not drawn yet seem to lie over others
    page.evaluate("alike => document.querySelectorAll(alike).forEach(each => each.remove())", ALIKE)
    found = Axe().run(page).response
    assert len(found["passes"]) > 20
    serious = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in serious] == []


def test_tables_sort_filter_and_highlight_and_figures_and_tables_can_be_taken_along(page, tmp_path):
    table = page.locator("#comparison table.data")
    column = "td:first-child"
    page.locator("#comparison").scroll_into_view_if_needed()
    heading = table.locator("th", has_text="AUROC").first
    number = heading.evaluate("cell => cell.cellIndex + 1")
    heading.locator("button").click()
    values = [float(text.split()[0]) for text in table.locator(f"tbody td:nth-child({number})").all_inner_texts()]
    assert values == sorted(values, reverse=True) and heading.get_attribute("aria-sort") == "descending"
    names = table.locator(f"tbody {column}").all_inner_texts()
    page.locator("#comparison [data-filter]").fill("late")
    shown = [name for name in names if table.locator("tbody tr:visible", has_text=name).count()]
    assert 0 < len(shown) < len(names) and "late" in shown
    page.locator("[data-highlight]").fill("late-stacked")
    lit = table.locator("tr.lit").all_inner_texts()
    assert 0 < len(lit) < len(names) and all("late-stacked" in row for row in lit)
    assert page.locator("figure svg text.lit").count() > 0
    with page.expect_download() as saved:
        page.locator("#comparison [data-export]").click()
    saved.value.save_as(tmp_path / "figure.svg")
    assert 'xmlns="http://www.w3.org/2000/svg"' in (tmp_path / "figure.svg").read_text()
    with page.expect_download() as saved:
        page.locator("#comparison a[download]").click()
    saved.value.save_as(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text().startswith("model,images,text")


def test_the_report_is_printed_as_paper_with_its_cards_open(report, tmp_path):
    shutil.copy(report, tmp_path / "report.html")
    ran = run_tool(ROOT, sys.executable, "workflow/scripts/paper.py", str(tmp_path / "report.html"))
    assert ran.returncode == 0, ran.stdout
    paper = (tmp_path / "report.pdf").read_bytes()
    assert paper.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", paper)) > 10


def test_the_page_of_provenance_opens_the_figure_that_a_link_names(browser, report):
    opened = browser.new_page()
    opened.goto(f"{report.with_name('provenance.html').as_uri()}#results/demo/figures/funnel.svg")
    opened.get_by_text("results/demo/figures/funnel.svg").first.wait_for(timeout=20_000)
    assert opened.evaluate(
        "[...document.images].some(image => image.src === results['results/demo/figures/funnel.svg'].data_uri)"
    )
    opened.close()

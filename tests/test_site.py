"""The site is built without a warning, and no link in it leads nowhere."""

from pathlib import Path

import make_site
import pytest
from api_reference import described
from conftest import ROOT
from lxml import html


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site of all pages, with the tables of two studies, one report and one command, which is faster."""
    out, results = tmp_path_factory.mktemp("site") / "html", tmp_path_factory.mktemp("results")
    for name in ["demo", "pad"]:
        (results / name).mkdir()
        (results / name / "report.html").write_text("<a href='provenance.html#a figure'>How it was made</a>")
        (results / name / "provenance.html").write_text("<script>made()</script>")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        patched.setattr(make_site, "COMMANDS", ["init"])
        patched.setattr(make_site, "kept_studies", lambda: ["demo", "pad"])
        patched.setattr(make_site, "RESULTS", results)
        make_site.main(out)
    return out


def test_the_site_has_every_page_the_verdicts_the_tables_and_a_search(site):
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} <= {page.stem for page in site.glob("*.html")}
    assert (site / "searchindex.js").exists() and (site / ".nojekyll").exists()
    index = html.parse(site / "index.html").getroot()
    assert index.xpath("//img[contains(@src, 'verdicts.svg')]") and "pad: image + 8 columns" in index.text_content()
    study = html.parse(site / "generated/study-pad.html").getroot()
    headings = [heading.text for heading in study.xpath("//h2")]
    assert headings[:2] == ["verdict", "comparison"] and headings[-1] == "provenance"
    (link,) = study.xpath("//a[contains(@href, 'verdict.csv')]/@href")
    kept = ROOT / "docs/results/pad/verdict.csv"
    assert (site / "generated" / link).resolve().read_bytes() == kept.read_bytes()


def test_the_report_of_a_study_that_may_be_shared_lies_beside_what_it_links_to(site):
    (link,) = html.parse(site / "generated/study-demo.html").xpath("//a[text()='The whole report']/@href")
    assert (site / "generated" / link).resolve() == site / "reports/demo/report.html"
    assert (site / "reports/demo/provenance.html").exists() and not (site / "reports/pad").exists()


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    (tmp_path / "a.html").write_text(
        "<p id='here'><a href='#here'>1</a><a href='b.html'>2</a><a href='a.html#no'>3</a>"
    )
    assert sorted(make_site.broken_links(tmp_path)) == ["a.html: a.html#no", "a.html: b.html"]


def test_the_reference_has_signatures_and_what_is_raised():
    text = described("lungfuse.project")
    assert (
        "def make_project(folder: Path) -> list[Path]" in text and "**Raises**\n\n- UserError: a folder above" in text
    )

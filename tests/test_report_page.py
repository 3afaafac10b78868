"""Snakemake's own report, which it writes from the graph of jobs, without the run before it."""

import json
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from subprocess import CompletedProcess

import pytest
from conftest import changed_setting, run_tool
from write_report import escaped

from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.plan.plan import Plan
from lungfuse.settings.params import read_params

SCRIPT = "</script><script>window.PWNED=1</script>"
MODULE = """
configfile: "params.yaml"

module study:
    snakefile: "{}"
    config: config

use rule * from study as study_*
"""


class Page(HTMLParser):
    """The texts of the scripts of a page, and what its JSON variables hold."""

    def __init__(self, text: str):
        super().__init__()
        self.scripts: list[str] = []
        self.in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.in_script = tag == "script"
        if self.in_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.in_script = False

    def handle_data(self, data: str) -> None:
        if self.in_script:
            self.scripts[-1] += data

    def variable(self, name: str) -> object:
        (found,) = (script for script in self.scripts if script.strip().startswith(f"var {name} = "))
        return json.loads(found.strip().removeprefix(f"var {name} = ").removesuffix(";"))


@pytest.fixture
def write_report(new_project, tmp_path) -> Callable[..., CompletedProcess]:
    """Write the report of the demo in a folder of its own, with stand-ins of what it shows."""
    project = new_project(["majority", "tfidf"])

    def write(rule: str, *options: str) -> CompletedProcess:
        shutil.copy(project / "params.yaml", tmp_path)
        with changed_setting(tmp_path / "params.yaml", "studies", "demo", "notice", to=f"{SCRIPT}\n\n.. raw:: html\n"):
            plan = Plan(*load_study(read_params(tmp_path / PARAMS) | {"study": "demo"}))
            for path in [*plan.shown, *plan.compare().outputs.values(), plan.segmentation_table]:
                (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / path).write_text("<svg/>")
            command = ["snakemake", "--cores", "1", "--config", "study=demo", "--allowed-rules", rule, *options]
            return run_tool(tmp_path, *command, "--", "results/demo/provenance.html")

    write.project, write.folder = project, tmp_path
    return write


def test_words_that_would_run_do_not_in_a_report_of_a_workflow_that_lies_elsewhere(write_report):
    ran = write_report("provenance_html", "--snakefile", str(write_report.project / "Snakefile"))
    assert ran.returncode == 0, ran.stdout
    page = Page((write_report.folder / "results/demo/provenance.html").read_text())
    assert not [script for script in page.scripts if script.startswith("window.PWNED")]
    described = page.variable("workflow_desc")
    assert "window.PWNED" in described and "<script" not in described, "it is put into the page as HTML"
    assert len(page.variable("results")) > 5
    assert page.scripts[-1].strip().startswith('"use strict"'), "what opens the figure that an address names"


def test_a_workflow_used_as_a_module_of_another_writes_its_report(write_report):
    module = write_report.folder / "workflow" / "Snakefile"
    module.parent.mkdir()
    module.write_text(MODULE.format(write_report.project / "workflow/Snakefile"))
    ran = write_report("study_provenance_html")
    assert ran.returncode == 0, ran.stdout
    assert (write_report.folder / "results/demo/provenance.html").exists()


def test_a_page_of_another_form_is_refused():
    with pytest.raises(ValueError, match="found no data"):
        escaped("<script>var results = {};</script>")

"""An analysis is a file: the plan, the rules and the report find it and what it asks for."""

import os
import subprocess
import sys

import pandas as pd
import pytest
from conftest import ROOT, run_snakemake

from lungfuse import registry
from lungfuse.analyses._stage import called
from lungfuse.errors import UserError
from lungfuse.plan import analyses
from lungfuse.plan.analyses import analysis_spec
from lungfuse.plan.job import flat
from lungfuse.plan.names import RAW
from lungfuse.plan.plan import Plan
from lungfuse.plan.report_items import SECTIONS

PAGE = (ROOT / "docs/adding-an-analysis.md").read_text(encoding="utf-8")
TOY = PAGE.split("```python\n")[1].split("```")[0]


@pytest.fixture
def declare(tmp_path, monkeypatch):
    """Put the files of some analyses in place of the project's; a study of the demo's settings is asked for them."""
    package = tmp_path / "toys"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(analyses, "ANALYSES", "toys")
    for cached in [analysis_spec, registry._names_in, registry._declared]:
        cached.cache_clear()

    def write(**files: str) -> None:
        for name, text in files.items():
            (package / f"{name}.py").write_text(text)

    yield write
    for module in [name for name in sys.modules if name.split(".")[0] == "toys"]:
        del sys.modules[module]
    for cached in [analysis_spec, registry._names_in, registry._declared]:
        cached.cache_clear()


def test_an_analysis_is_one_file_with_its_table_figure_page_and_place_in_the_report(new_project):
    """A file is dropped into a copy of the project; rules make its results and know where the report shows them."""
    project = new_project()
    (project / "workflow/lungfuse/analyses/toy.py").write_text(TOY)
    run = run_snakemake(project, "-n", "--config", "study=demo", "--", "results/demo/figures/toy.svg")
    assert run.returncode == 0 and "Analysing demo: toy" in run.stdout, run.stdout
    pairs = {"pair_id": ["a", "b", "c"], "report_id": ["a", "b", "c"], "image_id": "", "label": [0, 1, 0], "text": ""}
    pairs |= {"group": [0, 1, 2], "fold": [0, 0, 3]} | dict.fromkeys(["site", "findings", "impression"], "")
    (project / "results/demo").mkdir(parents=True)
    frame = pd.DataFrame(pairs | dict.fromkeys(["indication", "comparison"], ""))
    frame.to_csv(project / "results/demo/pairs.csv", index=False)
    command = [sys.executable, "-m", "lungfuse", "analysis", "--study", "demo", "--name", "toy"]
    environment = os.environ | {"PYTHONPATH": str(project / "workflow")}
    ran = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert (project / "results/demo/toy.csv").read_text().splitlines()[:3] == ["fold,n", "0,2", "1,0"]
    assert "demo (synthetic images, not patients)" in (project / "results/demo/figures/toy.svg").read_text()
    assert "How many pairs each fold has." in (project / "results/demo/pages/toy.html").read_text()


def test_a_study_has_the_analyses_whose_conditions_hold(declare, studies):
    def wanted(*conditions: str) -> str:
        return TOY.replace("WANTED = []", f"WANTED = {list(conditions)}")

    declare(toy=wanted("study.leakage.sections", "not has_images"), other=wanted("has_images"))
    assert list(Plan("demo", studies["demo"]).analyses) == ["other"]
    without_images = studies["demo"].model_copy(update={"modalities": ["text"]})
    plan = Plan("demo", without_images)
    assert list(plan.analyses) == ["toy"]
    job = plan.analysis("toy")
    assert job.reads == {"pairs": plan.layout.split["pairs"]} and job.settings["given"] == {"folds": 5}
    assert job.outputs == {
        "table": plan.layout.table("toy"), "page": plan.layout.page("toy"), "figure": plan.layout.figure("toy")
    }  # fmt: skip
    with pytest.raises(UserError, match="demo: has no analysis 'other'; expected one of toy"):
        plan.analysis("other")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('SETTINGS = ["study.split.folds"]', "", r"toy\.py: SETTINGS: found nothing, expected a list .* Add it\."),
        ('"Data", 6', '"Facts", 6', r"toy\.py: SECTION: found 'Facts', expected one of Data, Masks"),
        (
            "WANTED = []",
            'WANTED = ["has_pictures"]',
            r"toy\.py: WANTED: found 'has_pictures', but a plan has",
        ),
        ("def compute", "def computes", ""),
        ("def draw", "def draws", ""),
    ],
)
def test_what_an_analysis_declares_wrongly_is_reported(declare, studies, old, new, said):
    declare(toy=TOY.replace(old, new))
    plan = Plan("demo", studies["demo"].model_copy(update={"modalities": ["text"]}))
    if said:
        with pytest.raises(UserError, match=said):
            plan.analysis("toy")
    else:
        assert set(plan.analysis("toy").outputs) in [{"figure"}, {"table", "page"}], "it has a figure or a table alone"


def test_a_function_that_asks_for_what_is_not_declared_is_reported():
    def compute(pairs, more, seed=0):
        return pairs, seed

    with pytest.raises(UserError, match=r"test_analyses\.py: compute asks for more, but is given pairs"):
        called(compute, {"pairs": 1})
    assert called(compute, {"pairs": 1, "more": 2, "others": 3}) == (1, 0)


def test_every_study_finds_what_analyses_declare_and_shows_it(studies):
    for name in ["openi", "demo", "tb", "skin", "covid-pneumonia"]:
        plan = Plan(name, studies[name])
        for analysis in plan.analyses:
            job = plan.analysis(analysis)
            assert job.reads and set(job.outputs.values()) <= set(plan.shown), analysis
        sections = [plan.item(analysis).section for analysis in plan.analyses]
        assert sections == sorted(sections, key=SECTIONS.index), "in the order of the report"


def test_a_study_has_the_analyses_that_its_models_ask_for(studies):
    demo, tb = (Plan(name, studies[name]) for name in ["demo", "tb"])
    assert "missing" in demo.analyses, "an indication may be empty"
    assert "per_label" not in demo.analyses and "roc_calibration" in demo.analyses
    assert "missing" not in tb.analyses and "sites" in tb.analyses, "every pair has an image"


def test_a_study_says_which_models_it_explains(studies):
    plan = Plan("demo", studies["demo"])
    assert plan.explained == ["image", "text", "early_all"]
    job = plan.explanation("early_all")
    assert {"lungfuse.explain.lrp", "lungfuse.relevance.measures.deletion"} <= set(job.parts)
    assert plan.layout.permuted("early_all") in flat(job.reads.values())
    assert RAW / "demo/evidence.tgz" in flat(job.reads.values())
    assert set(job.outputs.values()) == {
        plan.layout.figure("explanation_early_all"),
        plan.layout.explanation_scores("early_all"),
    }
    assert "explanation_scores" in plan.analyses


def test_what_an_explanation_reads_of_a_probe_and_of_a_late_fusion_is_what_was_fitted(studies):
    tb, demo = Plan("tb", studies["tb"]), Plan("demo", studies["demo"])
    probe, late = (plan.explanation(name) for plan, name in [(tb, "linear-probe"), (demo, "late")])
    made = flat(tb.fit("linear-probe").made.values())
    read = flat(probe.reads["trained"])
    assert {path for path in made if path.name == "model.skops" and "repeat" not in str(path)} <= set(read)
    assert not [path for path in read if "linear-probe" in str(path) and path.suffix == ".safetensors"]
    assert demo.layout.network("image", "4")["weights"] in late.reads["trained"]
    assert {path.parent.name for path in late.reads["encoders"]} == {"vit-tiny", "bert-tiny"}


def test_no_analysis_is_imported_to_plan_a_study():
    heavy = "print(*{'matplotlib', 'scipy', 'sklearn', 'torch'} & set(sys.modules))"
    code = "import sys; from lungfuse.command_line import planned; p = planned('demo'); p.shown; p.analysis('verdict');"
    ran = subprocess.run([sys.executable, "-c", code + heavy], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def test_scores_of_explanations_are_sent_with_what_waits_for_models_not_with_what_models_wait_for():
    """The baselines are explained, so a group that held both would wait for itself."""
    assert analysis_spec("explanation_scores").group == "scores"
    assert analysis_spec("leakage").group == "baselines"

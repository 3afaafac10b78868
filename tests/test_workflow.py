"""The whole workflow, run as a user runs it, in copies of the project."""

import base64
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
import yaml
from conftest import ROOT, changed_setting, run_snakemake, run_tool
from screenshots import find_browser

LOCKED_AS = {"matplotlib-base": "matplotlib", "pytorch": "torch", "pytorch-gpu": "torch"}
LOCKED_AS |= {"tensorflow[and-cuda]": "tensorflow-cpu"}
DEMO = ["--config", "study=demo"]
UNFORKED = ["--resources", "own_process=1"]
LOCAL = {"download", "image_encoder", "text_encoder", "cnn_weights", "pool_folds", "late", "report_html"}
FOLDS = 2
SHOWN = {"compare", "analysis", "table", "figure", "pages", "report_html", "default"}
FILES = ["model.safetensors", "predictions.csv"]
CONTRACT = ["funnel.csv", "pairs.csv", "rejected.csv", "comparison.csv", "comparison.md", "ablations.csv"]
CONTRACT += [
    "leakage.csv",
    "shortcuts.csv",
    "words.csv",
    "segmentation.csv",
    "masks/unet-cxr-masks.csv",
    "data_card.md",
    "model_card.md",
]
CONTRACT += [f"figures/{name}.svg" for name in ["funnel", "comparison", "examples", "masks_unet-cxr-masks"]]
CONTRACT += [f"predictions/{row}.csv" for row in ["tfidf", "image", "text", "late", "late-stacked", "kv-exchange"]]
CONTRACT += [f"models/kv-exchange/fold{fold}/model.safetensors" for fold in range(FOLDS)]
CONTRACT += [f"models/{row}/fold{fold}/model.skops" for row in ["tfidf", "linear-probe"] for fold in range(FOLDS)]
CONTRACT += ["structured.csv", "columns.csv", "models/late/settings.json"]
ONE_FOLD = ["funnel.csv", "pairs.csv", "rejected.csv", "leakage.csv", "masks/unet-cxr-masks.csv"]
ONE_FOLD += [f"predictions/{row}.csv" for row in ["tfidf", "linear-probe_segmented"]]
ONE_FOLD += [f"models/{row}/fold0/{file}" for row in ["image", "text", "kv-exchange"] for file in FILES]
ONE_FOLD += [f"models/{row}/fold0/model.skops" for row in ["tfidf", "linear-probe_segmented"]]


def jobs_of(run) -> set[str]:
    """The rules that a run has run, or a dry run would run."""
    return set(re.findall(r"^(\w+) +\d+$", run.stdout, re.M)) - {"total"}


@pytest.fixture(scope="module")
def project(new_project):
    """A project in which the demo has been run."""
    project = new_project(folds=FOLDS, epochs=1, studies=450)
    run = run_snakemake(project, *DEMO)
    assert run.returncode == 0, run.stdout
    return project


def test_the_demo_leaves_the_files_of_the_contract(project):
    results = project / "results/demo"
    assert all((results / name).stat().st_size for name in [*CONTRACT, "report.html"])
    page = (results / "comparison.md").read_text()
    assert "drawn images, not patients" in page
    pairs, table = pd.read_csv(results / "pairs.csv"), pd.read_csv(results / "comparison.csv")
    assert list(pairs)[:7] == ["pair_id", "report_id", "image_id", "label", "text", "group", "fold"]
    assert (table["n"] == len(pairs)).all()
    tfidf = table[(table["model"] == "tfidf") & (table["text"] == "findings")].iloc[0]
    assert 0.75 < tfidf["accuracy"] < 0.88, "the findings of the demo allow about .85"


def test_a_second_run_has_nothing_to_do(project):
    assert "Nothing to be done" in run_snakemake(project, *DEMO).stdout
    assert "Nothing to be done" in run_snakemake(project, *DEMO, *UNFORKED).stdout, "how jobs start is no change"


def test_a_new_date_is_no_change_but_new_content_is(project):
    (project / "data/raw/demo/indiana_projections.csv").touch()
    assert "Nothing to be done" in run_snakemake(project, *DEMO).stdout
    run = run_snakemake(project, "-n", *DEMO, "--forcerun", "split")
    after = {
        "leakage",
        "shortcuts",
        "baseline",
        "linear_probe",
        "features",
        "train",
        "pool_folds",
        "late",
        "explanation",
        *SHOWN,
    }
    assert jobs_of(run) == {"split"} | after


def test_a_setting_reruns_what_depends_on_it_alone(project):
    with changed_setting(project / "params.yaml", "defaults", "comparison", "confidence", to=0.9):
        run = run_snakemake(project, "-n", *DEMO)
    assert jobs_of(run) == {"segmentation_scores", "leakage", "shortcuts", *SHOWN}


def test_a_learning_rate_of_one_row_reruns_that_row_alone(project):
    row = ["studies", "demo", "models", "kv-exchange", "train"]
    with changed_setting(project / "params.yaml", *row, to={"gradient_clip": 2.0}):
        run = run_snakemake(project, "-n", *DEMO)
    assert jobs_of(run) == {"train", "pool_folds", "explanation", *SHOWN}
    assert re.search(rf"^train +{FOLDS}$", run.stdout, re.M), "the folds of one row"


@pytest.fixture(scope="module")
def look(tmp_path_factory):
    """Look through a report in a browser; skipped with the reason where there is none."""
    if not find_browser():
        pytest.skip("neither Chromium nor Chrome is installed")

    def look(report: Path) -> subprocess.CompletedProcess:
        folder = tmp_path_factory.mktemp("screenshots")
        return run_tool(ROOT, sys.executable, "workflow/scripts/screenshots.py", str(report), str(folder))

    return look


def test_the_report_shows_every_figure_and_table_in_a_browser(project, look):
    seen = look(project / "results/demo/report.html")
    assert seen.returncode == 0, seen.stdout
    for shown in [
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
        "5 Leakage: Flaws of the published protocol",
        "6 Training: Training curves",
        "6 Training: Run times",
        "7 Cards and settings: Model card",
        "7 Cards and settings: Settings",
    ]:
        assert shown in seen.stdout


def test_a_blank_figure_and_a_broken_page_are_seen_in_the_browser(project, look, tmp_path):
    page = (project / "results/demo/report.html").read_text()
    drawn = base64.b64encode((project / "results/demo/figures/funnel.svg").read_bytes()).decode()
    blank = base64.b64encode(b'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"/>').decode()
    assert drawn in page
    (tmp_path / "report.html").write_text(page.replace(drawn, blank))
    assert "figures/funnel.svg: is blank" in look(tmp_path / "report.html").stdout
    (tmp_path / "report.html").write_text(page.replace("var results = {", "throw Error('lost'); var results = {"))
    broken = look(tmp_path / "report.html")
    assert broken.returncode != 0
    assert "lost" in broken.stdout


def test_two_runs_from_scratch_agree_to_the_byte(project, new_project):
    """The second makes one fold of a row that rests on everything that is trained, and starts each job anew."""
    other = new_project(folds=FOLDS, epochs=1, studies=450)
    run = run_snakemake(other, *DEMO, *UNFORKED, "--", *(f"results/demo/{name}" for name in ONE_FOLD))
    assert run.returncode == 0, run.stdout
    for name in ONE_FOLD:
        first, second = ((place / "results/demo" / name).read_bytes() for place in (project, other))
        assert first == second, name


def test_scores_figures_and_cards_are_the_same_bytes_again(project):
    before = {name: (project / "results/demo" / name).read_bytes() for name in CONTRACT}
    run = run_snakemake(project, *DEMO, "--forcerun", "pool_folds", "late", "segmentation_scores")
    assert run.returncode == 0, run.stdout
    assert {"pool_folds", "late", "segmentation_scores", "compare", "analysis", "figure", "pages"} <= jobs_of(run)
    for name, content in before.items():
        assert (project / "results/demo" / name).read_bytes() == content, name


def test_the_graph_in_the_readme_is_that_of_the_demo(new_project):
    drawn = ElementTree.parse(ROOT / "docs/workflow.svg").iter("{http://www.w3.org/2000/svg}text")
    run = run_snakemake(new_project(models=None), "-n", *DEMO)
    assert {text.text for text in drawn} == jobs_of(run) - {"default"}, "run `make graph`"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("image_size: 64", "imagesize: 64", "studies.demo.images.imagesize: unknown key (did you mean image_size?)"),
        ("folds: 5", "folds: five", "defaults.split.folds: found 'five'"),
    ],
)
def test_a_wrong_setting_stops_before_any_job(new_project, old, new, message):
    project = new_project()
    params = project / "params.yaml"
    params.write_text(params.read_text().replace(old, new))
    run = run_snakemake(project, *DEMO)
    assert run.returncode == 1
    assert message in run.stdout
    assert "Traceback" not in run.stdout
    assert not (project / "data").exists()


def test_a_failing_stage_shows_its_message_and_leaves_no_output(project):
    reports = project / "data/raw/demo/NLMCXR_reports.tgz"
    before = reports.read_bytes()
    reports.write_bytes(before[:1000])
    run = run_snakemake(project, *DEMO)
    reports.write_bytes(before)
    assert run.returncode == 1
    assert "NLMCXR_reports.tgz: truncated or corrupt" in run.stdout
    assert not (project / "data/reports/demo/reports.csv").exists()
    assert run_snakemake(project, *DEMO, "--until", "reports").returncode == 0


def test_every_rule_says_what_a_cluster_and_a_reader_need(project):
    rules = "".join(path.read_text() for path in (project / "workflow/rules").glob("*.smk"))
    on_gpus = set()
    for rule in re.split(r"^ *rule\b *", rules, flags=re.M)[1:]:
        name = rule.split(":")[0] or "text_encoder"  # a loop makes one for each modality with encoders
        on_gpus |= {name} if "gpu=" in rule else set()
        for directive in ["log:", "conda:", "mem_mb=scaled(", "runtime=scaled(", "message:"]:
            assert directive in rule, f"{name} has no {directive}"
        assert ("group:" in rule) == ("turn=1" in rule) == (name not in LOCAL), "what is submitted takes turns"
    assert on_gpus == {"segmenter", "pretrain", "features", "train", "cnn"}


def test_conda_environments_hold_the_versions_of_the_lock(project):
    locked = (project / "requirements.lock").read_text().lower().replace("_", "-")
    lock = dict(line.split("==") for line in locked.split())
    for path in (project / "workflow/envs").rglob("*.yaml"):
        environment = yaml.safe_load(path.read_text())
        assert environment["channels"] == ["conda-forge", "nodefaults"]
        *packages, last = environment["dependencies"]
        from_pip = [package.replace("==", "=") for package in last["pip"]] if isinstance(last, dict) else [last]
        for name, version in (package.split("=") for package in packages + from_pip):
            if name not in ("python", "pip"):
                assert lock[LOCKED_AS.get(name, name).replace("_", "-")] == version, f"{path.name}: {name}"

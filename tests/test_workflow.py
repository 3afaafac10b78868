"""The whole workflow, run as a user runs it, in copies of the project."""

import re

import pandas as pd
import pytest
import yaml
from conftest import changed_setting, run_snakemake

LOCKED_AS = {"matplotlib-base": "matplotlib", "pytorch": "torch", "pytorch-gpu": "torch"}
LOCKED_AS |= {"tensorflow[and-cuda]": "tensorflow-cpu"}
DEMO = ["--config", "study=demo"]
LOCAL = {"download", "image_encoder", "text_encoder", "cnn_weights", "gather", "late"}
DRAWN = {"compare", "figures", "curves", "attention", "default"}
CONTRACT = ["funnel.csv", "pairs.csv", "rejected.csv", "comparison.csv", "comparison.md", "arms.csv", "leakage.csv"]
CONTRACT += ["segmentation.csv", "masks/unet-cxr-masks.csv", "figures/masks_unet-cxr-masks.svg"]
CONTRACT += [f"predictions/{row}.csv" for row in ["tfidf", "image", "text", "late", "late-stacked", "kv-exchange"]]
CONTRACT += [f"models/kv-exchange/fold{fold}/model.safetensors" for fold in range(3)]


def jobs_of(run) -> set[str]:
    """The rules that a dry run would run."""
    return set(re.findall(r"^(\w+) +\d+$", run.stdout, re.M)) - {"total"}


@pytest.fixture(scope="module")
def project(new_project):
    """A project in which the demo has been run."""
    project = new_project()
    run = run_snakemake(project, *DEMO)
    assert run.returncode == 0, run.stdout
    return project


def test_the_demo_leaves_the_files_of_the_contract(project):
    results = project / "results/demo"
    assert all((results / name).stat().st_size for name in CONTRACT)
    page = (results / "comparison.md").read_text()
    assert "drawn images, not patients" in page
    pairs, table = pd.read_csv(results / "pairs.csv"), pd.read_csv(results / "comparison.csv")
    assert list(pairs)[:7] == ["pair_id", "report_id", "image_id", "label", "text", "group", "fold"]
    assert (table["n"] == len(pairs)).all()
    tfidf = table[(table["model"] == "tfidf") & (table["text"] == "findings")].iloc[0]
    assert 0.75 < tfidf["accuracy"] < 0.88, "the findings of the demo allow about .85"


def test_a_second_run_has_nothing_to_do(project):
    assert "Nothing to be done" in run_snakemake(project, *DEMO).stdout


def test_a_new_date_is_no_change_but_new_content_is(project):
    (project / "data/raw/demo/indiana_projections.csv").touch()
    assert "Nothing to be done" in run_snakemake(project, *DEMO).stdout
    run = run_snakemake(project, "-n", *DEMO, "--forcerun", "split")
    after = {"arms", "leakage", "baseline", "linear_probe", "features", "train", "gather", "late", *DRAWN}
    assert jobs_of(run) == {"split"} | after


def test_a_setting_reruns_what_depends_on_it_alone(project):
    with changed_setting(project / "params.yaml", "defaults", "comparison", "confidence", to=0.9):
        run = run_snakemake(project, "-n", *DEMO)
    assert jobs_of(run) == {"segmentation_scores", "compare", "arms", "leakage", "figures", "default"}


def test_a_learning_rate_of_one_row_reruns_that_row_alone(project):
    row = ["studies", "demo", "models", "kv-exchange", "train"]
    with changed_setting(project / "params.yaml", *row, to={"clip": 2.0}):
        run = run_snakemake(project, "-n", *DEMO)
    assert jobs_of(run) == {"train", "gather", *DRAWN}
    assert re.search(r"^train +3$", run.stdout, re.M), "the folds of one row"


def test_the_report_is_one_page_with_tables_and_figures(project):
    run = run_snakemake(project, *DEMO, "--report", "results/demo/report.html")
    assert run.returncode == 0, run.stdout
    report = (project / "results/demo/report.html").read_text()
    for name in ["comparison.csv", "comparison.svg", "funnel.svg"]:
        assert name in report


def test_two_runs_from_scratch_agree_to_the_byte(project, new_project):
    other = new_project()
    run = run_snakemake(other, *DEMO)
    assert run.returncode == 0, run.stdout
    for name in [*CONTRACT, "figures/funnel.svg", "figures/comparison.svg"]:
        first, second = ((place / "results/demo" / name).read_bytes() for place in (project, other))
        assert first == second, name


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("image_px: 64", "imagepx: 64", "studies.demo.images.imagepx: unknown key (did you mean image_px?)"),
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
    for rule in re.split(r"^rule ", rules, flags=re.M)[1:]:
        name = rule.split(":")[0]
        on_gpus |= {name} if "gpu=" in rule else set()
        for directive in ["log:", "conda:", "mem_mb=growing(", "runtime=growing(", "message:"]:
            assert directive in rule, f"{name} has no {directive}"
        assert ("group:" in rule) == ("turn=1" in rule) == (name not in LOCAL), "what is submitted takes turns"
    assert on_gpus == {"segmenter", "features", "train", "cnn"}


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

"""dvc.yaml is what the Snakefile says, and `dvc repro` runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, changed_setting, keep_rows, run_snakemake

BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}


def run(project, *command):
    return subprocess.run(
        command, cwd=project, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
    )


def test_dvc_yaml_is_up_to_date():
    check = run(ROOT, sys.executable, "workflow/scripts/dvc_stages.py", "--check")
    assert check.returncode == 0, check.stdout


def test_a_stale_dvc_yaml_is_told(new_project):
    project = new_project(small=False)
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("tfidf_impression: {model: tfidf, text: impression}", ""))
    check = run(project, sys.executable, "workflow/scripts/dvc_stages.py", "--check")
    assert check.returncode == 1
    assert "Run `make dvc`" in check.stdout


@pytest.fixture(scope="module")
def project(new_project):
    """A repository whose openi study has drawn raw files, put there by hand as a user would."""
    project = new_project(small=False)
    keep_rows(project / "params.yaml", "openi", ["majority", "tfidf", "image", "text", "early"], folds=2, epochs=1)
    assert run(project, sys.executable, "workflow/scripts/dvc_stages.py").returncode == 0
    assert run_snakemake(project, "--config", "study=demo", "--until", "draw").returncode == 0
    shutil.copytree(project / "data/raw/demo", project / "data/raw/openi", ignore=shutil.ignore_patterns("lung-masks"))
    for command in ["git init -q", "git add -A", "git -c user.name=t -c user.email=t@example.org commit -qm start"]:
        assert run(project, *command.split()).returncode == 0
    return project


def test_dvc_repro_runs_the_openi_study_from_files_put_there_by_hand(project):
    before = (project / "data/raw/openi/NLMCXR_png.tgz").read_bytes()
    repro = run(project, "dvc", "repro")
    assert repro.returncode == 0, repro.stdout
    assert (project / "results/openi/comparison.csv").exists()
    assert (project / "data/raw/openi/NLMCXR_png.tgz").read_bytes() == before
    assert "published file" in (project / "results/openi/rejected.csv").read_text(), (
        "drawn files are not the published ones"
    )
    again = run(project, "dvc", "repro")
    assert "Data and pipelines are up to date" in again.stdout


def test_dvc_draws_the_training_curves(project):
    shown = run(project, "dvc", "plots", "show", "results/openi/models/early/fold0/history.csv", "--show-vega")
    assert '"validation_loss"' in shown.stdout, shown.stdout


def test_the_learning_rate_of_one_row_makes_that_row_stale_alone(project):
    row = ["studies", "openi", "models", "early", "train"]
    with changed_setting(project / "params.yaml", *row, to={"learning_rate": 0.5}):
        status = run(project, "dvc", "status").stdout
    assert "train_early:" in status
    assert "train_image:" not in status
    assert "train_text:" not in status


def test_dvc_knows_the_metrics_and_what_a_setting_changes(project):
    assert "tfidf.accuracy" in run(project, "dvc", "metrics", "show").stdout
    with changed_setting(project / "params.yaml", "defaults", "comparison", "confidence", to=0.9):
        status = run(project, "dvc", "status").stdout
    assert "compare:" in status
    assert "split:" not in status
    assert "baseline" not in status

"""A search on a real Slurm: one submission a round; killed in the middle it ends with what a local run finds."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import one_node_slurm
import pytest
import yaml
from agreeing import wait_until
from conftest import HEAVY_AND_LAST, run_snakemake, start_tool

pytestmark = pytest.mark.cluster
ON_SLURM = ["snakemake", "--profile", "profiles/slurm"]
FOLDS, WIDTH, TRIALS = 2, 2, 12
SPACE = {"settings.c": {"low": 0.01, "high": 100.0, "log": True}, "settings.min_df": {"low": 1, "high": 6}}
SEARCH = {"rounds": 3, "width": WIDTH, "space": SPACE}
GOAL, SEARCHES = "results/openi/predictions/tfidf.csv", "results/openi/searches"
MODELS = {"majority": {}, "tfidf": {"text": "indication", "search": SEARCH}}


@pytest.fixture(scope="module")
def project(slurm, new_project, drawn_raw) -> Path:
    """A study whose pairs are made; its search is real, what else computes for long is a stand-in."""
    project = new_project(models=None, stand_ins=HEAVY_AND_LAST)
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["studies"]["openi"] |= {"modalities": ["text"], "models": MODELS, "n_seeds": 1, "split": {"folds": FOLDS}}
    params["studies"]["openi"]["leakage"] = {"sections": []}
    params["dvc_sync"] = False
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    shutil.copytree(drawn_raw, project / "data/raw/openi")
    one_node_slurm.use_in(project)
    assert run_snakemake(project, "results/openi/pairs.csv").returncode == 0
    return project


def found(project: Path, pattern: str = "**/*.json") -> dict[str, str]:
    """The files of the search by their places, with their content."""
    folder = project / SEARCHES
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.glob(pattern))}


def dates(project: Path) -> dict[str, int]:
    """When the outcomes of trials were written."""
    return {place: (project / SEARCHES / place).stat().st_mtime_ns for place in found(project, "**/outcome.json")}


def kill_all_jobs() -> None:
    """Kill what runs on the cluster, which outlives the Snakemake that has submitted it."""
    subprocess.run(["scancel", "--signal=KILL", "--full", "--user=root"], check=True)
    while subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=True).stdout.strip():
        time.sleep(0.2)


def test_a_search_that_is_killed_on_a_cluster_is_resumed_there(project, tmp_path):
    local = Path(shutil.copytree(project, tmp_path / "lungfuse", symlinks=True))
    assert run_snakemake(local, GOAL).returncode == 0
    run = start_tool(project, tmp_path / "killed.log", *ON_SLURM, GOAL)
    wait_until(lambda: found(project, "tfidf/fold*/round1_trial*/outcome.json"), run, seconds=400)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    kill_all_jobs()
    before = dates(project)
    assert WIDTH <= len(before) < TRIALS, "what a round has found stays when the next one is killed"
    assert run_snakemake(project, "--unlock").returncode == 0
    again = start_tool(project, tmp_path / "resumed.log", "timeout", "--signal=KILL", "600", *ON_SLURM, GOAL)
    assert again.wait(700) == 0, (tmp_path / "resumed.log").read_text()
    assert found(project) == found(local)
    assert len(before.items() & dates(project).items()) >= WIDTH
    submissions = {log.name for log in (project / ".snakemake/slurm_logs").iterdir()}
    rounds = {f"group_search_tfidf_fold{fold}_round{n}_fit_trial_propose" for fold in range(FOLDS) for n in range(3)}
    assert {name for name in submissions if "trial" in name} == rounds

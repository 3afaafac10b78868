"""The demo on a real Slurm with two pretended GPUs, by the profile that comes with the project.

What computes for long writes stand-in outputs, and a training lasts long enough to be cancelled.
"""

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path

import one_node_slurm
import pytest
from conftest import FEW_MODELS, HEAVY, changed_setting, run_snakemake, run_tool, tool_variables

pytestmark = pytest.mark.cluster
DEMO = ["--config", "study=demo"]
PROFILE = ["--profile", "profiles/slurm"]
LONG_TRAININGS = {"STAND_IN_SECONDS": "10"}
STAND_INS = [*HEAVY, "pages"]
ON_GPUS = ["segmenter", "features", "train"]
PLACE = re.compile(r"^(\S+), Slurm job (\d+) on \S+, GPUs: (\S+)$", re.M)


def run(project: Path, *command: str, seconds: int = 300, **variables: str) -> subprocess.CompletedProcess:
    """Run a command, killed with all it has started when it hangs."""
    return run_tool(project, "timeout", "--signal=KILL", str(seconds), *command, **variables)


@pytest.fixture(scope="module")
def project(slurm, new_project) -> Path:
    """The small demo, under DVC."""
    project = new_project(FEW_MODELS, folds=2, epochs=1, stand_ins=STAND_INS)
    one_node_slurm.use_in(project)
    assert run(project, sys.executable, "workflow/scripts/dvc_stages.py", "--study", "demo").returncode == 0
    assert run(project, "git", "init", "--quiet").returncode == 0
    return project


@dataclass
class Run:
    """A run of the demo on the cluster, in which the first training to start was cancelled."""

    project: Path
    output: str
    returncode: int
    cancelled: str

    def places(self, rule: str) -> list[tuple[datetime, datetime, str, str]]:
        """Start, end, number of the Slurm job and GPUs of each job of a rule."""
        logs = [*(self.project / "logs/demo").glob(f"{rule}.log"), *(self.project / "logs/demo").glob(f"{rule}/*.log")]
        found = [(PLACE.search(log.read_text()), log.stat().st_mtime) for log in logs]
        return [
            (datetime.fromisoformat(place[1]), datetime.fromtimestamp(end).astimezone(), place[2], place[3])
            for place, end in found
            if place
        ]


@pytest.fixture(scope="module")
def finished(project) -> Run:
    log = project / "run.log"
    with log.open("w") as output:
        command = ["timeout", "--signal=KILL", "900", "snakemake", *PROFILE, *DEMO]
        variables = tool_variables() | LONG_TRAININGS
        started = subprocess.Popen(command, cwd=project, env=variables, stdout=output, stderr=output)
        cancelled = cancel_first_training(started)
        started.wait()
    return Run(project, log.read_text(), started.returncode, cancelled)


def cancel_first_training(started: subprocess.Popen) -> str:
    """Cancel the first training that runs; the number of its Slurm job."""
    queue = ["squeue", "--noheader", "--states=RUNNING", "--format=%i %k"]
    while started.poll() is None:
        jobs = re.findall(
            r"^(\d+) rule_image_fold\d", subprocess.run(queue, capture_output=True, text=True).stdout, re.M
        )
        if jobs:
            subprocess.run(["scancel", jobs[0]], check=True)
            return jobs[0]
        time.sleep(0.5)
    return ""


def test_the_comparison_table_is_that_of_a_local_run(finished, new_project):
    assert finished.returncode == 0, finished.output
    local = new_project(FEW_MODELS, folds=2, epochs=1, stand_ins=STAND_INS)
    assert run_snakemake(local, *DEMO).returncode == 0
    for name in ["comparison.csv", "comparison.md", "segmentation.csv", "pairs.csv"]:
        assert (finished.project / "results/demo" / name).read_text() == (local / "results/demo" / name).read_text()


def test_a_cancelled_job_runs_again(finished):
    assert finished.cancelled
    assert "Trying to restart job" in finished.output
    assert finished.returncode == 0
    assert finished.cancelled not in {job for *_, job, _ in finished.places("train")}


def test_gpus_are_for_the_rules_that_train_or_encode(finished):
    for rule in ON_GPUS:
        assert {gpus for *_, gpus in finished.places(rule)} <= {"0", "1"}
        assert finished.places(rule)
    for rule in ["reports", "images", "split", "masks", "fit", "compare", "analysis"]:
        assert {gpus for *_, gpus in finished.places(rule)} == {"none"}


def test_two_jobs_compute_at_once_on_different_gpus(finished):
    places = [place for rule in ON_GPUS for place in finished.places(rule)]
    assert any(one[0] < other[1] and other[0] < one[1] and one[3] != other[3] for one, other in combinations(places, 2))


def test_the_short_jobs_of_a_fold_share_a_submission(finished):
    by_fold = {log.name for log in (finished.project / ".snakemake/slurm_logs").iterdir()}
    assert {f"group_fold{fold}_features_train" for fold in range(2)} <= by_fold
    assert len(finished.places("fit")) == 3
    assert len({job for *_, job, _ in finished.places("fit")}) == 1


def test_a_finished_run_has_nothing_to_do(finished):
    assert "Nothing to be done" in run(finished.project, "snakemake", *PROFILE, *DEMO).stdout


def test_a_failing_job_names_its_log_and_shows_what_it_says(finished):
    compare = finished.project / "workflow/lungfuse/compare/compare.py"
    code = compare.read_text()
    compare.write_text(code + "\nraise RuntimeError('the models cannot be compared')\n")
    failed = run(finished.project, "snakemake", *PROFILE, *DEMO, "--retries", "0")
    compare.write_text(code)
    assert failed.returncode not in (0, 137)
    assert "logs/demo/compare.log" in failed.stdout
    assert "the models cannot be compared" in failed.stdout
    assert re.search(r"\.snakemake/slurm_logs/\S+\.log", failed.stdout)


def test_dvc_sends_its_stages_to_the_cluster_too(finished):
    compared = finished.project / "logs/demo/compare.log"
    with changed_setting(finished.project / "params.yaml", "defaults", "comparison", "confidence", to=0.9):
        environment = {"SNAKEMAKE_PROFILE": "profiles/slurm"}
        done = run(finished.project, "dvc", "repro", "studies/demo/dvc.yaml:compare", **environment)
    assert done.returncode == 0, done.stdout
    assert PLACE.search(compared.read_text()), "compared on the cluster"


def test_the_plan_is_what_the_run_asked_for(finished):
    asked = run(finished.project, sys.executable, "workflow/scripts/plan.py", *PROFILE, *DEMO, "--forceall").stdout
    line = re.search(r"^\| fold<k> +\|(.*)$", asked, re.M)[1]
    number, jobs, threads, gpus, memory, *_ = (float(cell) for cell in line.split("|") if cell.strip())
    assert (number, jobs, threads, gpus, memory) == (2, 6, 1, 1, 8.0)

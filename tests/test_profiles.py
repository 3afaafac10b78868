"""The profiles of batch systems, with stand-ins for their commands that run each job at once."""

import re
import shutil

import pytest
from conftest import ROOT, run_tool, tool_variables

SCHEDULERS = {
    "pbs": {
        "qsub": 'echo "$@" >> submitted.log; bash "${@: -1}" > /dev/null 2>&1; echo $? > job_exit; echo 7.head',
        "qstat": 'echo "    job_state = F"; echo "    Exit_status = $(cat job_exit)"',
    },
    "sge": {
        "qsub": 'echo "$@" >> submitted.log; bash "${@: -1}" > /dev/null 2>&1; echo $? > job_exit; echo 7',
        "qstat": "exit 1",
        "qacct": 'echo "failed       0    "; echo "exit_status  $(cat job_exit)"',
    },
    "lsf": {
        "bsub": 'echo "$@" >> submitted.log; bash "${@: -1}" > /dev/null 2>&1; echo $? > job_exit; '
        'echo "Job <7> is submitted to default queue <normal>."',
        "bjobs": '[ "$(cat job_exit)" = 0 ] && echo DONE || echo EXIT',
    },
    "kubernetes": {
        "kubectl": 'if [ $1 = get ]; then [ "$(cat job_exit)" = 0 ] && echo 1, || echo ,1; exit; fi; cat > job.yaml; '
        "tr '\\n' ' ' < job.yaml >> submitted.log; "
        """bash "$(sed -n 's/.*command: \\[bash, \\(.*\\)\\]/\\1/p' job.yaml)" > /dev/null 2>&1; echo $? > job_exit; """
        "echo job.batch/lungfuse-x7",
    },
}
ASKED = {
    "pbs": r"-l select=1:ncpus=1:mem=500mb:ngpus=0 -l walltime=40:00",
    "sge": r"-pe smp 1 -l h_rt=2400 -l h_vmem=500M \S+$",
    "kubernetes": r"activeDeadlineSeconds: 2400 .*\{cpu: 1, memory: 500M\} .*\{memory: 500M, nvidia.com/gpu: 0\}",
    "lsf": r"-n 1 -W 40 -R span\[hosts=1\] rusage\[mem=500MB/job\] \S+$",
}
PAIRS = ["--config", "study=openi-text", "--", "results/openi-text/pairs.csv"]


@pytest.fixture
def project(new_project, drawn_raw):
    project = new_project()
    shutil.copytree(drawn_raw, project / "data/raw/openi")
    return project


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_batch_system_gets_jobs_with_what_they_ask_for_and_reports_how_they_ended(project, tmp_path, scheduler):
    for name, command in SCHEDULERS[scheduler].items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{command}\n")
        (tmp_path / name).chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{tool_variables()['PATH']}"}
    profile = ["snakemake", "--profile", f"profiles/{scheduler}", "--seconds-between-status-checks", "1"]
    done = run_tool(project, *profile, *PAIRS, **variables)
    assert done.returncode == 0, done.stdout
    submitted = (project / "submitted.log").read_text().splitlines()
    assert len(submitted) == 1, "reports, filter and split are submitted together"
    assert re.search(ASKED[scheduler], submitted[0])
    (project / "data/raw/openi/NLMCXR_reports.tgz").write_bytes(b"broken")
    failed = run_tool(project, *profile, "--retries", "0", *PAIRS, **variables)
    assert failed.returncode == 1
    assert "NLMCXR_reports.tgz" in failed.stdout


def test_every_cluster_retries_and_submits_short_jobs_together_alike():
    kept = ["jobs", "retries", "latency-wait", "resources"]
    profiles = [path.read_text() for path in ROOT.glob("profiles/*/config.yaml") if path.parent.name != "default"]
    lines = [{line for line in text.splitlines() if line.split(":")[0] in kept} for text in profiles]
    assert len(lines) == 5
    assert all(found == lines[0] for found in lines)

"""The command of a user: run the workflow up to the data check, and print it."""

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from lungfuse.check.text import for_terminal
from lungfuse.errors import UserError
from lungfuse.ingest.gate import stops_of, unmatched
from lungfuse.plan.layout import Layout
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.settings.params import read_params
from lungfuse.tables.base import read_table
from lungfuse.tables.check import Findings

OWN_CACHE = Path(".snakemake/cache")
LAST = 30  # lines of what Snakemake says when it fails
FAILED_LOGS = re.compile(r"^Logfile (\S+):\n=+\n(.*?)\n=+$", re.M | re.S)
ABSENT = re.compile(r"^ +affected files:\n((?: {8}.*\n?)+)", re.M)
TERMINAL, WHERE = "LUNGFUSE_TERMINAL", "/dev/tty"


def run_check(study: str | None = None) -> tuple[str, bool]:
    """The data check of a study of params.yaml, as text, and whether it stops the study; what it needs is made first.

    Raises:
        UserError: the workflow fails before the check, or Snakemake is not installed.
    """
    params = read_params(PARAMS)
    name, settings = load_study(params if study is None else params | {"study": study})
    files = Layout(name).data_check
    _run_workflow(name, files["findings"])
    findings = read_table(files["findings"], Findings)
    allowed = settings.check.allow
    text = for_terminal(findings, name, unmatched(findings, allowed)) + f"\nAlso in {files['check_page']}.\n"
    return text, not stops_of(findings, allowed).empty


def cache_variable() -> dict[str, str]:
    """The variable that gives Snakemake another folder for its cache, where it cannot write below the home folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK):
            return {}
    return {"XDG_CACHE_HOME": str(OWN_CACHE.absolute())}


def _run_workflow(study: str, target: Path) -> None:
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--show-failed-logs", "--config", f"study={study}"]
    shown = {TERMINAL: WHERE} if sys.stderr.isatty() else {}
    done = subprocess.run(
        [*command, "--", str(target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | shown | cache_variable(),
    )
    if done.returncode:
        raise UserError(f"the workflow of {study} has failed before its data check:\n{reason_in(done.stdout)}")


def reason_in(output: str) -> str:
    """Why Snakemake has failed: the logs of jobs that failed, or the files that are missing, or its last lines."""
    if logs := FAILED_LOGS.findall(output):
        return "\n".join(f"{said}\n(all of it: {file})" for file, said in logs)
    if absent := ABSENT.search(output):
        return f"not found: {', '.join(absent[1].split())}. Put them there, or correct the settings that name them."
    return "\n".join(output.strip().splitlines()[-LAST:])

"""The command of a user: run the workflow up to the data check, and print it."""

import os
import subprocess
import sys
from pathlib import Path

from lungfuse.check.gate import unmatched
from lungfuse.check.text import for_terminal
from lungfuse.errors import UserError
from lungfuse.paths import Paths
from lungfuse.paths.names import PARAMS
from lungfuse.settings.params import load_study, read_params
from lungfuse.tables.base import read_table
from lungfuse.tables.check import Findings

LAST = 30  # lines of what Snakemake says when it fails
TERMINAL, WHERE = "LUNGFUSE_TERMINAL", "/dev/tty"


def run_check(study: str | None = None) -> str:
    """The data check of a study of params.yaml, as text; what it needs is made first.

    Raises:
        UserError: the workflow fails before the check, or Snakemake is not installed.
    """
    params = read_params(PARAMS)
    name, settings = load_study(params if study is None else params | {"study": study})
    paths = Paths(name, settings)
    _run_workflow(name, paths.findings)
    findings = read_table(paths.findings, Findings)
    return for_terminal(findings, name, unmatched(findings, settings.check.allow)) + f"\nAlso in {paths.check_page}.\n"


def _run_workflow(study: str, target: Path) -> None:
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--show-failed-logs", "--config", f"study={study}"]
    shown = {TERMINAL: WHERE} if sys.stderr.isatty() else {}
    done = subprocess.run(
        [*command, "--", str(target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | shown,
    )
    if done.returncode:
        said = "\n".join(done.stdout.strip().splitlines()[-LAST:])
        raise UserError(f"the workflow of {study} has failed before its data check:\n{said}")

"""The data check of a study that has just been written."""

import os
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from lungfuse.check.text import for_terminal
from lungfuse.plan.load import load_study
from lungfuse.plan.names import RAW
from lungfuse.plan.plan import Plan
from lungfuse.settings.params import read_params
from lungfuse.stages import call
from lungfuse.tables.base import read_table
from lungfuse.tables.check import Findings


def checked_data(study: str, params: Path) -> str:
    """The data check of a study as text.

    Its stages run in this process, in a folder that is thrown away: for the table of a clinic that takes less time than
    to start the workflow.
    """
    raw, params = RAW.resolve(), params.resolve()
    name, settings = load_study(read_params(params) | {"study": study})
    with TemporaryDirectory() as folder, chdir(folder), redirect_stdout(StringIO()):
        RAW.parent.mkdir(parents=True)
        RAW.symlink_to(raw)
        plan = Plan(name, settings)
        images = [plan.images()] if plan.has_images else []
        for job in [plan.reports(), *images, plan.filter(), plan.data_check()]:
            call(job.stage, job.arguments | {"threads": os.cpu_count()})
        findings = read_table(plan.layout.data_check["findings"], Findings)
    return for_terminal(findings, name, [])

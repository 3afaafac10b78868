"""The data check of a study that has just been written."""

import os
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from lungfuse.check.text import for_terminal
from lungfuse.command_line import launch
from lungfuse.paths import Paths
from lungfuse.paths.names import RAW
from lungfuse.settings.params import load_study, read_params
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
        launch("reports", study=study, params=params)
        if "image" in settings.modalities:
            launch("images", "--threads", str(os.cpu_count()), study=study, params=params)
        for stage in ["filter", "data-check"]:
            launch(stage, study=study, params=params)
        findings = read_table(Paths(name, settings).findings, Findings)
    return for_terminal(findings, name, [])

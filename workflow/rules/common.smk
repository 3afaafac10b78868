import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
CODE = Path(os.path.relpath(WORKFLOW)) / "lungfuse"

# Rules run `python -m lungfuse`, in whatever environment they have.
sys.path.insert(0, str(WORKFLOW))
shell.prefix(f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(WORKFLOW))}; ")

from lungfuse.adapters import load_adapter
from lungfuse.errors import UserError
from lungfuse.paths import RAW, Paths
from lungfuse.settings import load_study, to_json

try:
    STUDY_NAME, STUDY = load_study(config)
except UserError as error:
    raise WorkflowError(str(error))

PATHS = Paths(STUDY_NAME, STUDY)
ADAPTER = load_adapter(STUDY.adapter)

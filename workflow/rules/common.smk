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
from lungfuse.encoders import encoders_of
from lungfuse.settings import BASELINES, LATE, TRAINED, load_study, to_json

try:
    STUDY_NAME, STUDY = load_study(config)
except UserError as error:
    raise WorkflowError(str(error))

PATHS = Paths(STUDY_NAME, STUDY)
ADAPTER = load_adapter(STUDY.adapter)

TRAINING_CODE = [CODE / "train" / f"{module}.py" for module in ["train", "engine", "classifier", "data"]]
TRAINING_CODE += [CODE / "encoders" / "network.py", CODE / "models" / "blocks.py"]
MODEL_FILES = {"image": "unimodal.py", "text": "unimodal.py", "kv-exchange": "kv_exchange.py"}


def training_code(row: str) -> list[Path]:
    """The modules that decide what training a row gives."""
    model = STUDY.rows[row].model
    return [*TRAINING_CODE, CODE / "models" / MODEL_FILES.get(model, f"{model}.py")]


def one_of(names) -> str:
    """A wildcard constraint: any of the names, or nothing when there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"

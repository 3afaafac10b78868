import os
import re
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

from snakemake.exceptions import WorkflowError

WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
WORKFLOW_FOLDER = Path(os.path.relpath(WORKFLOW))

# Rules run `python -m lungfuse`: that of their conda environment or container, or the one that runs Snakemake. In a clone
# the package is beside the rules; a wheel installs them apart.
IN_CLONE = (WORKFLOW / "lungfuse").is_dir()
PACKAGE_PARENT = WORKFLOW if IN_CLONE else Path(find_spec("lungfuse").origin).parents[1]
PACKAGE_FOLDER = Path(os.path.relpath(PACKAGE_PARENT)) / "lungfuse"
sys.path.insert(0, str(PACKAGE_PARENT))
OWN_PYTHON = "" if workflow.deployment_settings.deployment_method else f"{Path(sys.executable).parent}:"
from lungfuse.errors import UserError
from lungfuse.hardware import WORKFLOW_JOB, gpus
from lungfuse.plan.load import SETTINGS_SHA256, STUDY_NAME, load_study, settings_sha256
from lungfuse.plan.names import ENCODER_LOGS, MANIFEST, PARAMS, RAW
from lungfuse.plan.plan import Plan
from lungfuse.plan.resources import Sizes
from lungfuse.plan.runs import run_names
from lungfuse.settings.params import read_params, to_json

# Snakemake's own reading takes the last of two equal keys, and does not say in which line the YAML is broken.
try:
    read_params(PARAMS)
except UserError as error:
    raise WorkflowError(str(error))


configfile: str(PARAMS)


try:
    PLAN = Plan(*load_study(config))
    PLAN.dataset, PLAN.mask_files, PLAN.raw_inputs
except UserError as error:
    raise WorkflowError(str(error))

LAYOUT, STUDY, SIZES = PLAN.layout, PLAN.study, Sizes(PLAN)
GPU_ENVS = "../envs/gpu" if config["gpu_software"] else "../envs"
KB, MS = 1 / 1000, 1 / 60_000  # in the units of resources, MB and minutes

shell.prefix(
    "set -euo pipefail; "
    f"export PATH={shlex.quote(OWN_PYTHON)}$PATH PYTHONPATH={shlex.quote(str(PACKAGE_PARENT))} {WORKFLOW_JOB}=1 "
    f"{SETTINGS_SHA256}={settings_sha256(STUDY)} {STUDY_NAME}={PLAN.name}; "
)


def job(stage: str, wildcards):
    """A job of a stage; the wildcards of its rule are what the stage asks for."""
    return getattr(PLAN, stage)(**dict(wildcards.items()))


def needed(stage: str):
    """What a stage reads, and the code that decides its result."""

    def found(wildcards):
        asked = job(stage, wildcards)
        return asked.needed | {"code": [PACKAGE_FOLDER / file for file in asked.code]}

    return unpack(found)


def settings(stage: str):
    """The settings that decide what a stage makes: where they change, it runs again."""
    return lambda wildcards: to_json(job(stage, wildcards).settings)


def stage(name: str, *options: str) -> str:
    """The shell command of a stage, which is the same in all studies: a file that they share is made once."""
    words = " ".join(["python -m lungfuse", name.replace("_", "-"), f"--study ${STUDY_NAME}", *options])
    return f"{words} > {{log}} 2>&1"


def model_stage(name: str, *options: str) -> str:
    """The shell command of a stage of a model, which reads its settings from the model's file."""
    words = " ".join(["python -m lungfuse", name.replace("_", "-"), "--model {input.model}", *options])
    return f"{words} > {{log}} 2>&1"


def report_item(path: Path, item, caption="../report/caption.rst"):
    """A file that the report shows, at the place that an item says, or a function of the wildcards that returns one.
    The rule has the item's caption among its `params`, see `shown`."""
    kind = {".svg": "", ".html": ": table" if PLAN.is_table(path) else "", ".csv": ": CSV"}[path.suffix]
    labels = lambda wildcards: {"shows": item_of(item, wildcards).title + kind}
    category = lambda wildcards: PLAN.heading_of(item_of(item, wildcards))
    return report(path, caption=caption, category=category, labels=labels)


def item_of(item, wildcards):
    return item(**dict(wildcards.items())) if callable(item) else item


def report_items(paths: dict[str, Path], item) -> dict:
    """All files of an item."""
    return {name: report_item(path, item) for name, path in paths.items()}


def shown(stage: str, item) -> dict:
    """The `params` of a rule of a stage whose files the report shows."""
    return {"settings": settings(stage), "caption": lambda wildcards: item_of(item, wildcards).caption}


def scaled(first, each=0, of="pairs"):
    """A resource that doubles with each attempt: `first` or, where that is more, `each` for every pair of the study, or
    every image with of="images". Both are numbers or functions of the wildcards."""

    def asked(wildcards, attempt):
        least, more = (amount(wildcards) if callable(amount) else amount for amount in [first, each])
        return SIZES.scaled(least, more, of, attempt)

    return asked


FIRST = 9  # the priority of jobs that others wait for, or that would be left alone at the end
TRIAL = "--run {wildcards.run} --round {wildcards.round} --trial {wildcards.trial}"
training_minutes = [
    lambda wildcards: SIZES.training_minutes(wildcards.model),
    lambda wildcards: SIZES.training_minutes_a_pair(wildcards.model),
]


def one_of(names) -> str:
    """A wildcard constraint: any of the names, or nothing when there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    model=one_of(STUDY.models),
    pretraining=one_of(PLAN.pretrainings),
    run=one_of(PLAN.all_runs),
    segmenter=one_of([*PLAN.trained_segmenters, *PLAN.segmenters]),
    source=r"[\w@./-]+",
    reads=r"[\w.-]+",
    round=r"\d+",
    trial=r"\d+",

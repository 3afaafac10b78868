import json
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from math import ceil
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
WORKFLOW_FOLDER = Path(os.path.relpath(WORKFLOW))
CODE = WORKFLOW_FOLDER / "lungfuse"

# Rules run `python -m lungfuse`: that of their conda environment or container, or the one that runs Snakemake.
sys.path.insert(0, str(WORKFLOW))
OWN_PYTHON = "" if workflow.deployment_settings.deployment_method else f"{Path(sys.executable).parent}:"
from lungfuse.datasets import dataset_module, load_dataset, load_mask_dataset
from lungfuse.check.findings import finding_modules
from lungfuse.dependencies import code_files, unread
from lungfuse.errors import UserError
from lungfuse.encoders import encoder_module, encoder_names
from lungfuse.hardware import WORKFLOW_JOB, gpus
from lungfuse.modalities import encoded, inputs_module, modality_names
from lungfuse.models import module_of
from lungfuse.paths import Paths
from lungfuse.paths.names import (
    FEATURE_INDEX,
    FEATURE_TOKENS,
    HISTORY,
    MANIFEST,
    PARAMS,
    RAW,
    SEGMENTER,
    TRAINED_SETTINGS,
    slug,
)
from lungfuse.settings.params import load_study, read_params, to_json
from lungfuse.settings.rows import ENCODING, TRAINED
from lungfuse.stages import STAGES
from lungfuse.tasks import task_module

shell.prefix(
    "set -euo pipefail; "
    f"export PATH={shlex.quote(OWN_PYTHON)}$PATH PYTHONPATH={shlex.quote(str(WORKFLOW))} {WORKFLOW_JOB}=1; "
)


# Snakemake's own reading takes the last of two equal keys, and does not say in which line the YAML is broken.
try:
    read_params(PARAMS)
except UserError as error:
    raise WorkflowError(str(error))


configfile: str(PARAMS)


try:
    STUDY_NAME, STUDY = load_study(config)
    DATASET = load_dataset(STUDY.dataset, STUDY.table)
    load_mask_dataset(STUDY.segmentation.annotated.dataset, STUDY.table)
except UserError as error:
    raise WorkflowError(str(error))

PATHS = Paths(STUDY_NAME, STUDY)

DATASET_MODULE = dataset_module(STUDY.dataset)
TASK_MODULE = task_module(STUDY.task)
MODALITIES = [f"lungfuse.modalities.{name}" for name in modality_names()]
CONTENTS = yaml.safe_load((WORKFLOW / "report" / "contents.yaml").read_text(encoding="utf-8"))
GPU_ENVS = "../envs/gpu" if config["gpu_software"] else "../envs"
MODALITY_OF = dict.fromkeys(map(slug, STUDY.image_variants), "image") | dict.fromkeys(STUDY.filter.text_fields, "text")
READS = {slug(reads): reads for reads in [*STUDY.image_variants, *STUDY.filter.text_fields]}
KB, MS = 1 / 1000, 1 / 60_000  # in the units of resources, MB and minutes
REPORT_BYTES_AN_IMAGE = 190  # of OpenI, packed


def code_of(stage: str, *parts: str) -> list[Path]:
    """The modules that decide what a stage computes; `parts` are those that it loads by name."""
    return [CODE / file for file in code_files(STAGES[stage].module, *parts)]


def settings_json(rule: str, section: str, row: str = "") -> str:
    """A section of the settings as JSON, the same in every study where the rule's stage, or a row, does not read it."""
    spec = STUDY.models.get(row)
    settings = getattr(STUDY, section)
    if spec and section == "encoders":
        settings = STUDY.encoders_of(spec).read_for(spec.inputs)
    constant = unread(rule, section, spec)
    return to_json(type(settings).model_validate(settings.model_dump() | constant))


def image_options(input) -> str:
    """The files of a variant of images as options of the command line."""
    array, index = input.get("images", (None, None))
    return options(array=array, index=index, masks=input.get("masks"))


def feature_options(reads: str, input) -> str:
    """What the features of `reads` are made from as options of the command line."""
    return f"{options(reads=READS[reads], start=input.get('start'))} {image_options(input)}"


def training_options(input) -> str:
    """The files of a training as options of the command line."""
    folders = {
        f"features.{name}": Path(input[f"{name}_features"][0]).parent
        for name in modality_names()
        if f"{name}_features" in input.keys()
    }
    names = ["structured", "columns", "mask_settings"]
    others = options(**{name: input.get(name) for name in names}, starts=input.get("start"), **folders)
    return f"{image_options(input)} {others}"


def table_options() -> str:
    """What the columns of the study's table mean, as an option of the command line."""
    return f"--table {shlex.quote(to_json(STUDY.table))}" if STUDY.table else ""


def mask_table_options() -> str:
    """The same, where the annotated images are those of the table."""
    return table_options() if STUDY.segmentation.annotated.dataset == "table" else ""


def redact_options(row: str) -> str:
    """The words whose sentences the text of a row lacks, as an option of the command line."""
    terms = STUDY.redact_terms_of(STUDY.models[row])
    return f"--redact-terms {shlex.join(terms)}" if terms else ""


def options(**values) -> str:
    """Options of the command line, those that have a value."""
    given = {
        name: " ".join(map(str, [value] if isinstance(value, (str, Path)) else value))
        for name, value in values.items()
        if value
    }
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())


def report_item(path: Path, subject: str = "", of: str = ""):
    """A file that the report shows: a figure, a page, or a table to download. `subject` is its entry in the contents,
    by default the name of the file, and what stands behind it is `of` what it is."""
    if not subject:
        subject, of = (path.stem, "") if path.stem in CONTENTS else path.stem.split("_", 1)
    place = CONTENTS[subject]
    title = f"{place['title']} of {of}" if of else place["title"]
    kind = {".svg": "", ".html": ": table" if subject in ["comparison", *PATHS.table_names] else "", ".csv": ": CSV"}
    labels = {"shows": title + kind[path.suffix]}
    return report(path, caption=f"../report/{subject}.rst", category=place["category"], labels=labels)


def scaled(first, each=0, of=None):
    """A resource that doubles with each attempt: `first` or, where that is more, `each` for every pair of the study, or
    every image with `of=named_images`. Both are numbers or functions of the wildcards."""

    def asked(wildcards, attempt):
        least, more = (amount(wildcards) if callable(amount) else amount for amount in [first, each])
        return ceil(max(least, more * (of or found_pairs)()) * 2 ** (attempt - 1))

    return asked


def named_images() -> int:
    """How many images the reports of the study name; before they are read, a guess from the size of their files."""
    if PATHS.views.exists():
        return rows_of(PATHS.views, PATHS.views.stat().st_mtime_ns)
    published = {name: download.bytes or 0 for name, download in DATASET.DOWNLOADS.items()}
    sizes = [file.stat().st_size if file.exists() else published.get(file.name, 0) for file in PATHS.report_files]
    return sum(sizes) // REPORT_BYTES_AN_IMAGE


def found_pairs() -> int:
    """How many pairs the study has; before they are found, the number of images, which is more."""
    return rows_of(PATHS.pairs, PATHS.pairs.stat().st_mtime_ns) if PATHS.pairs.exists() else named_images()


@cache
def rows_of(table: Path, changed: int) -> int:
    """The rows of a table, once for each time it has `changed`."""
    with table.open("rb") as stream:
        return sum(1 for _ in stream) - 1


def training_of(row: str):
    """The training settings of a row."""
    return STUDY.train_of(STUDY.models[row])


def is_short(row: str) -> bool:
    """Whether training a row takes a minute, because it reads the features of frozen encoders."""
    return training_of(row).layers == "frozen"


def is_hashed(row: str) -> bool:
    """Whether a baseline hashes n-grams, so that its memory holds the table of pairs alone."""
    return bool(STUDY.models[row].settings.get("buckets"))


def training_group(wildcards) -> str:
    """The short trainings of a fold are submitted to a cluster together, others alone."""
    row, run = wildcards.row, wildcards.run
    return f"fold{run}" if is_short(row) else f"{row}_fold{run}"


def features_group(wildcards) -> str:
    """The features of a trained encoder are made with the short trainings of its fold."""
    _, trained, run = wildcards.source.rpartition("_fold")
    return f"fold{run}" if trained else f"features_{wildcards.source}_{wildcards.reads}"


def modules_of(row) -> list[str]:
    """The modules that a training loads by name: of its model, its task, its inputs and their encoders."""
    encoders = STUDY.encoders_of(row).of(row.inputs).values()
    parts = [*map(inputs_module, row.modalities), *map(encoder_module, encoders)]
    return [module_of(row.model), TASK_MODULE, *parts]


def encoders_of_rows() -> set[str]:
    """The modules of the encoders that rows of the study read with."""
    rows = [STUDY.models[name] for name in STUDY.rows_of(ENCODING)]
    return {encoder_module(name) for row in rows for name in STUDY.encoders_of(row).of(row.inputs).values()}


def encoders_read(source: str, modality: str) -> str:
    """The settings of encoders that decide the features of a modality, with the name of the encoder that makes them."""
    named = STUDY.encoders.model_copy(update={modality: PATHS.encoder_of(source)})
    return to_json(named.read_for([modality]))


def run_options(run: str) -> str:
    """The fold and the repeat of a training as options of the command line."""
    fold, _, repeat = run.partition("_repeat")
    return options(fold=fold, repeat=repeat)


def one_of(names) -> str:
    """A wildcard constraint: any of the names, or nothing when there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"

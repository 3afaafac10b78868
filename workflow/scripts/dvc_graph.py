"""The jobs of a study as the sync of Snakemake and DVC sees them; the one module of it that knows lungfuse."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from dvc_stage import PlannedJob

from lungfuse.files import slug
from lungfuse.models import kind_spec
from lungfuse.plan.analyses import deciding_settings
from lungfuse.plan.job import Job, flat
from lungfuse.plan.layout import Layout
from lungfuse.plan.load import load_study
from lungfuse.plan.names import MANIFEST, PARAMS, RAW
from lungfuse.plan.plan import Plan
from lungfuse.plan.search_space import trials_of
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.params import read_params, to_json
from lungfuse.settings.table import TableFormat

ROOT_STUDY = "openi"
WORKFLOW = Path(os.path.relpath(Path(__file__).resolve().parents[1]))
CODE = [str(WORKFLOW)]  # the folders that hold all code

# The number of folders in the path of an output of DVC, by the beginning of the path; others are files.
FOLDERS = {("data", kind): 3 for kind in ["reports", "images", "pairs", "annotated", "encoders", "pretraining"]}
FOLDERS |= {("data", kind): 4 for kind in ["masks", "features"]}
FOLDERS |= {("results", kind): 4 for kind in ["models", "segmenters", "pretrained", "searches"]}

ONCE = [
    "reports",
    "images",
    "filter",
    "data_check",
    "split",
    "annotated",
    "segmentation_scores",
    "compare",
    "pages",
    "document",
]
NAMES = {
    *ONCE,
    "analyses",
    "draw",
    "draw_masks",
    "explanation",
    "permute",
    "plan",
    "pretraining_images",
    "provenance_html",
}  # of stages, for models to be called otherwise

# Where the settings of jobs are in a study, by their names; the others are at the place that they are called by.
PLACES = {
    "allow": ["check.allow"],
    "annotated": ["segmentation.annotated"],
    "folds": ["split.folds"],
    "intervals": ["comparison.confidence", "comparison.resamples"],
    "known_times": ["table"],
    "label_columns": ["filter.labels"],
    "label_rules": ["filter.labels"],
    "labels": ["filter.labels"],
    "limits": ["check"],
    "mask": ["segmentation.mask"],
    "max_tokens": ["encoders.max_tokens"],
    "min_reports": ["pretraining.min_reports"],
    "pooling": ["encoders.pooling"],
    "precision": ["train.precision"],
    "pretrain.train": ["train", "pretraining.train"],
    "region": ["segmentation.region"],
    "sections": ["leakage.sections"],
    "sets": ["pretraining.sets"],
    "segmenter.fit": ["segmentation.annotated.fit"],
    "segmenter.train": ["segmentation.train"],
    "settings": [""],
    "suspicious": ["segmentation.suspicious"],
    "unet": ["segmentation.unet"],
}
NO_PLACES = [
    "parts",
    "annotated_raw",
    "choice",
    "config",
    "encoder",
    "given",
    "leave_out_labels",
    "models",
    "name",
    "reads",
    "sites",
    "study",
    "title",
]
PLACES |= {name: [] for name in NO_PLACES}


def params() -> dict:
    """The content of params.yaml."""
    return read_params(PARAMS)


def rule_files() -> list[Path]:
    """The files that rules are written in."""
    return sorted((WORKFLOW / "rules").glob("*.smk"))


def plan_of(study: str) -> Plan:
    return Plan(*load_study(params() | {"study": study}))


def stage_file(study: str) -> Path:
    """The file of the stages of a study."""
    return Path("dvc.yaml") if study == ROOT_STUDY else Path("studies") / study / "dvc.yaml"


def gathering_folders(study: str) -> list[Path]:
    """Folders in which many stages have files, for a stage that reads those of all."""
    return [
        Layout(study).results / name
        for name in ["models", "searches", "predictions", "validated", "permuted", "figures", "pages"]
    ]


def plots(plan: Plan) -> list[tuple[str, dict]]:
    """What DVC draws of a study, beside its figures: files or folders, and how."""
    comparison = {"template": "bar_horizontal_sorted", "x": "auroc", "y": "model"}
    curves = {"x": "epoch", "y": ["train_loss", "validation_loss"]}
    found = [(str(plan.layout.table("comparison")), comparison)]
    return found + [(str(plan.layout.curve("x").parent), curves)] * bool(plan.of_stage("train"))


@cache
def out_of(file: str) -> str:
    """The output of DVC that holds a file: the file itself, or a folder."""
    parts = Path(file).parts
    kind = parts[1] if parts[0] == "data" else parts[2] if len(parts) > 3 else ""
    return str(Path(*parts[: FOLDERS.get((parts[0], kind), len(parts))]))


def jobs_of(plan: Plan) -> list[PlannedJob]:
    """The jobs that the report of a study, and Snakemake's own, need."""
    makers = {output: job for job in _all_jobs(plan) for output in job.outputs}
    needed: dict[str, PlannedJob] = {}
    left = [str(plan.layout.report), str(plan.layout.workflow_report)]
    while left:
        job = makers.get(left.pop())
        if job and job.outputs[0] not in needed:
            needed[job.outputs[0]] = job
            left += job.inputs
    return sorted(needed.values(), key=lambda job: (job.shared, job.stage, job.outputs[0]))


def _all_jobs(plan: Plan) -> Iterator[PlannedJob]:
    yield _report(plan)
    yield _planned("draw", "draw", plan.draw(), outputs=_drawn(plan), shared=True)
    for name in plan.dataset.DOWNLOADS:
        yield _planned("download", f"download_{plan.study.dataset}", plan.download(name), shared=True, given=True)
    for name, modality in plan.encoders.items():
        yield _planned(f"{modality}_encoder", f"encoder_{slug(name)}", plan.encoder(name), shared=True)
    for rule in ONCE:
        yield _planned(rule, rule, getattr(plan, rule)())
    deciding = deciding_settings()
    for name, spec in plan.analyses.items():
        asked = [setting.removeprefix("study.") for setting in [*deciding, *spec.settings]]
        places = [place for each in asked for place in PLACES.get(each, [each])]
        yield _planned(spec.kind, "analyses", plan.analysis(name), places)
    for name in plan.explained:
        yield _planned("explanation", "explanation", plan.explanation(name), [f"models.{name}.explained"])
    for name in plan.trained_segmenters:
        job, places = plan.segmenter(name), [f"segmentation.segmenters.{name}"]
        yield _planned("segmenter", f"segmenter_{name}", job, places)
    for name in plan.segmenters:
        yield _planned("masks", f"masks_{name}", plan.masks(name))
        yield _planned("draw_masks", "draw_masks", plan.draw_masks(name))
    if plan.study.pretraining.sets and plan.pretrainings:
        yield _planned("pretraining_images", "pretraining_images", plan.pretraining_images())
    for name in plan.pretrainings:
        yield _planned("pretrain", f"pretrain_{name}", plan.pretrain(name), ["encoders.image"])
    for (source, reads), made in plan.feature_sets.items():
        job, places = plan.features(source, reads), [f"encoders.{made.modality}"]
        places += ["n_seeds", "split.folds"] if "/" in source else []
        yield _planned("features", f"features_{source.partition('/')[0]}", job, places)
    for name in plan.configs:
        yield from _jobs_of_model(plan, name)


def _jobs_of_model(plan: Plan, name: str) -> Iterator[PlannedJob]:
    """The jobs of the stage of a model, which bears its name."""
    stage = f"{name}_model" if name in NAMES else name
    yield _planned("model", stage, plan.model(name), _places_of(plan.configs[name]), stays=name in plan.searches)
    for run in plan.runs(name) if name in plan.searches else []:
        yield from _jobs_of_search(plan, stage, name, run)
    made_by = kind_spec(plan.configs[name].architecture).stage
    if made_by == "train":
        for run in plan.trainings(name):
            yield _planned("train", stage, plan.train(name, run))
    last = {"train": "pool_folds"}.get(made_by, made_by)
    yield _planned(last, stage, getattr(plan, last)(name))
    if name in plan.permutable:
        yield _planned("permute", "permute", plan.permute(name))


def _jobs_of_search(plan: Plan, stage: str, name: str, run: str) -> Iterator[PlannedJob]:
    """The jobs of a search in a fold. What they make stays where the stage runs again, so that a search goes on."""
    search = plan.searches[name]
    tries = "train_trial" if plan.configs[name].train else "fit_trial"
    for number in range(search.rounds):
        yield _planned("propose", stage, plan.propose(name, run, number), stays=True)
    for which in trials_of(search, search.rounds):
        yield _planned(tries, stage, getattr(plan, tries)(name, run, *which), stays=True)
    yield _planned("select", stage, plan.select(name, run), stays=True)


def _places_of(config: ModelConfig) -> list[str]:
    """Where all that a model reads is in its study."""
    found = [f"models.{config.name}", "class_weights", "filter.labels", "seed", "split.folds", "task"]
    found += [f"table.{name}" for name in TableFormat.model_fields if config.table]
    found += [f"encoders.{modality}" for modality in config.encoders]
    found += ["comparison.primary"] if config.search else []
    found += [f"fusion.{name}" for name in config.fusion]
    others = {
        "images": config.image_settings,
        f"table.texts.{config.text}": config.redact_terms,
        "encoders.pooling": config.precision,
        "train.precision": config.precision,
        "encoders.max_tokens": config.max_tokens,
        "train": config.train,
    }
    return found + [place for place, read in others.items() if read]


def _drawn(plan: Plan) -> list[str]:
    """What the drawing of the demo makes, with the folders of masks that a manifest stands for."""
    masks = RAW / "demo-masks"
    return [str(path) for path in [*plan.draw().made.values(), masks / MANIFEST, masks / "CXR_png", masks / "masks"]]


def _report(plan: Plan) -> PlannedJob:
    code = [str(path) for path in [*(WORKFLOW / "report").iterdir(), WORKFLOW / "scripts/write_report.py"]]
    shown, page = [str(path) for path in plan.shown], [str(plan.layout.workflow_report)]
    return PlannedJob("provenance_html", "provenance_html", page, shown, code)


def _planned(rule: str, stage: str, job: Job, places: Sequence[str] = (), **more: Any) -> PlannedJob:
    read = [place for name in job.settings for place in PLACES.get(f"{rule}.{name}", PLACES.get(name, [name]))]
    known = {
        "outputs": [str(path) for path in flat(job.made.values())],
        "inputs": [str(path) for path in flat(job.needed.values())],
        "code": [f"{WORKFLOW}/lungfuse/{file}" for file in job.code],
        "settings": json.loads(to_json(job.settings)),
        "places": [*read, *places],
    }
    return PlannedJob(rule, re.sub(r"[^\w-]", "_", stage), **known | more)

"""Write the stages of DVC from the Snakefile's own graph of jobs.

python workflow/scripts/dvc_stages.py                # write the files of the studies that are under DVC
python workflow/scripts/dvc_stages.py --study tb     # put another study under DVC
python workflow/scripts/dvc_stages.py --check        # fail when a file is not up to date

The root dvc.yaml is the study openi, studies/<study>/dvc.yaml another one, and data/dvc.yaml what studies share: raw
files and encoders. A stage is a rule, or a rule and a model, with all its rows and folds.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml
from snakemake.api import SnakemakeApi
from snakemake.io import AnnotatedString, is_flagged
from snakemake.jobs import Job
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings
from snakemake.workflow import Workflow

from lungfuse.dependencies import unread
from lungfuse.encoders import modality_of
from lungfuse.paths.names import ENCODER_ROOT, HISTORY, PARAMS, RAW
from lungfuse.settings.params import load_study, read_params
from lungfuse.settings.study import Study
from lungfuse.settings.training import EncoderSettings

HEADER = "# Written from the Snakefile by `make dvc`; do not edit.\n"
ROOT_STUDY = "openi"
SHARED = Path("data/dvc.yaml")
KINDS = ["metadata", "incomplete"]  # of Snakemake's records, with a folder each
PER_MODEL = {"segmenter": "segmenter", "cnn": "network"}  # rules with a stage for each value of a wildcard
SETTING_OF_PARAM = {  # a rule's `params` bear the name of their setting; these stand deeper
    "annotated": "segmentation.annotated",
    "cnn_weights": "cnns.weights",
    "encoder": "encoders.{modality}",
    "folds": "split.folds",
    "sites": "segmentation.segmenters.{segmenter}",
    "labels": "filter.labels",
    "mask": "segmentation.mask",
    "precision": "train.precision",
    "row": "models.{row}",
    "sections": "leakage.sections",
    "settings": "",
    "suspicious": "segmentation.suspicious",
    "training": "segmentation.train",
    "unet": "segmentation.unet",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail when a file is not up to date")
    parser.add_argument("--study", help="a study to put under DVC")
    arguments = parser.parse_args()
    stale = []
    for file, text in file_contents({*studies_under_dvc(), arguments.study or ROOT_STUDY}).items():
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(file))
        if not arguments.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    if arguments.check and stale:
        sys.exit(f"{', '.join(stale)}: not what the Snakefile says. Run `make dvc` and commit the files.")


def stage_file(study: str) -> Path:
    """The file of the stages of a study."""
    return Path("dvc.yaml") if study == ROOT_STUDY else Path("studies") / study / "dvc.yaml"


def studies_under_dvc() -> list[str]:
    """The studies that have a file of stages, the root study first."""
    others = [name for name in read_params(PARAMS)["studies"] if name != ROOT_STUDY and stage_file(name).exists()]
    return [ROOT_STUDY, *others]


def file_contents(studies: set[str]) -> dict[Path, str]:
    """The content of each file of stages; a shared stage is that of the first study that needs it."""
    files: dict[Path, dict[str, Stage]] = {}
    for study in sorted(studies, key=lambda name: (name != ROOT_STUDY, name)):
        for stage in sorted(stages(study), key=lambda stage: stage.name):
            files.setdefault(stage.file, {}).setdefault(stage.name, stage)
    return {file: _text(list(stages.values())) for file, stages in files.items()}


@dataclass
class Stage:
    """Jobs of a study that DVC runs as one, with its settings and the content of params.yaml."""

    study: str
    settings: Study
    params: dict
    name: str
    jobs: list[Job]

    @property
    def file(self) -> Path:
        return SHARED if is_shared(self.jobs[0]) else stage_file(self.study)

    @property
    def address(self) -> str:
        """How DVC names the stage, from the root folder."""
        return self.name if self.file == stage_file(ROOT_STUDY) else f"{self.file}:{self.name}"

    @cached_property
    def outputs(self) -> list[AnnotatedString]:
        return sorted({file for job in self.jobs for file in job.output})

    @property
    def entry(self) -> dict:
        """The stage as DVC reads it."""
        entry = {
            "cmd": self._command(),
            "wdir": os.path.relpath(".", self.file.parent),
            "deps": self._deps(),
            "params": sorted({key for job in self.jobs for key in self.param_keys(job)}),
            "outs": [],
            "metrics": [],
            "plots": [],
        }
        for output in self.outputs:
            entry[_kind(output)].append(_output(output))
        return {key: value for key, value in entry.items() if value not in ([], ".")}

    @property
    def digest(self) -> str:
        """A digest of the shell commands of its rules, which DVC could not see otherwise."""
        rules = {job.rule.name: job.rule.shellcmd for job in self.jobs}
        return "# rules " + hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()[:8]

    def _command(self) -> str:
        rules = sorted({job.rule.name for job in self.jobs})
        targets = sorted(str(job.output[0]) for job in self.jobs)
        options = f"--cores all --quiet host reason --config study={self.study} --force"
        return f"snakemake {options} --allowed-rules {' '.join(rules)} -- {' '.join(targets)} {self.digest}"

    @property
    def curves(self) -> dict:
        """The losses of its trainings as one plot; the published networks are trained without validation data."""
        loss = "train_loss" if self.jobs[0].rule.name == "cnn" else "validation_loss"
        histories = [output for output in self.outputs if output.endswith(HISTORY)]
        place = [os.path.relpath(history, self.file.parent) for history in histories]
        return {"x": "epoch", "y": dict.fromkeys(place, loss)} if histories else {}

    def _deps(self) -> list[str]:
        inputs = {Path(file) for job in self.jobs for file in job.input}
        return sorted(map(str, _whole_folders(inputs) - set(map(Path, self.outputs))))

    def param_keys(self, job: Job) -> list[str]:
        """Where the settings that a rule names in `params` stand in params.yaml."""
        settings = [setting for key in dict(job.params.items()) for setting in self._settings_of(job, key)]
        studies = ["defaults", f"studies.{self.study}"]
        places = [".".join(filter(None, [study, setting])) for study in studies for setting in settings]
        return [place for place in places if _holds(self.params, place)]

    def _settings_of(self, job: Job, param: str) -> list[str]:
        """Where the settings that a rule's `params` name stand in a study."""
        names = dict(job.wildcards_dict)
        encoder = job.params.get("encoder")
        if encoder:
            names["modality"] = modality_of(encoder)
        row = self.settings.models.get(names.get("row"))
        section = SETTING_OF_PARAM.get(param, param).format_map(names)
        constant = unread(job.rule.name, section, row)
        if section == "encoders" and (row or encoder):
            constant = constant | EncoderSettings.unread(row.inputs if row else [names["modality"]])
        fields = type(getattr(self.settings, section)).model_fields if constant else []
        return [f"{section}.{field}" for field in fields if field not in constant] or [section]


def stages(study: str) -> list[Stage]:
    """The stages of a study, in no order."""
    with workflow_of(study) as workflow:
        return stages_of(study, workflow)


def stages_of(study: str, workflow: Workflow) -> list[Stage]:
    """The stages of a study whose graph of jobs is at hand."""
    params = read_params(PARAMS)
    _, settings = load_study(params | {"study": study})
    grouped: dict[str, list[Job]] = {}
    for job in workflow.dag.jobs:
        if not job.is_norun:
            grouped.setdefault(_stage_name(job, settings), []).append(job)
    return [Stage(study, settings, params, name, jobs) for name, jobs in grouped.items()]


@contextmanager
def workflow_of(study: str, records: Path | None = None) -> Iterator[Workflow]:
    """A study's workflow with its graph of jobs, from private parts of Snakemake, which is pinned below 10.

    What Snakemake has on record is read from and written to the folder `records`, where one is given.
    """
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, enable_file_logging=False)) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config={"study": study}),
            snakefile=Path("Snakefile"),
        )
        workflow.dag(DAGSettings(force_incomplete=True, max_checksum_file_size=1 << 40))
        internal = workflow._workflow
        internal._prepare_dag(forceall=False, ignore_incomplete=False, lock_warn_only=True)
        if records is not None:
            use_records(internal, records)
        internal._build_dag()
        yield internal


def use_records(workflow: Workflow, records: Path) -> None:
    """Let a workflow, before its graph of jobs is built, read and write what is on record of jobs in another folder."""
    workflow.persistence._metadata_path, workflow.persistence._incomplete_path = (str(records / kind) for kind in KINDS)


def is_shared(job: Job) -> bool:
    """Whether a job makes what several studies use."""
    return any(Path(job.output[0]).is_relative_to(root) for root in [RAW, ENCODER_ROOT])


def is_given(output: AnnotatedString) -> bool:
    """Whether an output may have been put there by hand instead of by its job."""
    return is_flagged(output, "update")


def _stage_name(job: Job, settings: Study) -> str:
    wildcards = dict(job.wildcards_dict)
    if is_shared(job):
        return "_".join([job.rule.name, *(value for name, value in wildcards.items() if name != "file")])
    if job.rule.name in ("train", "pool_folds"):
        return f"train_{settings.models[wildcards['row']].model}"
    if job.rule.name == "features" and "_fold" in wildcards["source"]:
        row = wildcards["source"].rsplit("_fold", 1)[0]
        return f"train_{settings.models[row].model}"
    if job.rule.name in PER_MODEL:
        return f"{job.rule.name}_{wildcards[PER_MODEL[job.rule.name]]}"
    return job.rule.name


def _whole_folders(files: set[Path]) -> set[Path]:
    """The files, with a folder of raw files in place of its files where all of them are there."""
    folders = {file.parent for file in files if file.is_relative_to(RAW) and file.parent.parent != RAW}
    whole = {folder for folder in folders if set(folder.iterdir()) <= files}
    return {file for file in files if file.parent not in whole} | whole


def _kind(output: str) -> str:
    if output.endswith("metrics.json"):
        return "metrics"
    return "plots" if output.endswith(".svg") else "outs"


def _output(output: AnnotatedString) -> str | dict:
    """An output with what DVC has to know of it: a given file is never deleted."""
    return {str(output): {"persist": True}} if is_given(output) else str(output)


def _holds(params: dict, place: str) -> bool:
    for key in place.split("."):
        if not isinstance(params, dict) or key not in params:
            return False
        params = params[key]
    return True


def _text(stages: list[Stage]) -> str:
    content = {"stages": {stage.name: stage.entry for stage in stages}}
    if curves := [{stage.name: stage.curves} for stage in stages if stage.curves]:
        content["plots"] = curves
    return HEADER + yaml.safe_dump(content, sort_keys=False, width=1000)


if __name__ == "__main__":
    main()

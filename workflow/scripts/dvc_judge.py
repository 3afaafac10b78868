"""How Snakemake and DVC each see the jobs of a study, and what follows for the other: see `dvc_sync`."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dvc_stages import SHARED, Stage, is_given, stages_of
from dvc_state import read_stages, read_state, say, signature, stage_files
from snakemake.jobs import Job
from snakemake.workflow import Workflow

from lungfuse.files import sha256

if TYPE_CHECKING:
    from dvc.repo import Repo


@dataclass
class JudgedJob:
    """A job as both tools see it.

    DVC calls its stage `changed`, or not. Its outputs are `known_to_dvc` where they are those of dvc.lock, and
    `fresh_in_dvc` where its inputs and settings are so too. It is `current` where Snakemake has a record of it and
    would not run it, and `vouched` for where that record is about the outputs that there are. A given file needs none.
    """

    job: Job
    stage: Stage
    changed: bool
    known_to_dvc: bool
    fresh_in_dvc: bool
    current: bool
    vouched: bool

    @property
    def brought_for_other_settings(self) -> bool:
        return self.known_to_dvc and not self.fresh_in_dvc and not self.vouched


def known_stages(study: str, workflow: Workflow) -> list[Stage]:
    """The stages that stand in their file as the Snakefile has them."""
    written = {file: read_stages(file) for file in stage_files(study)}
    stages = stages_of(study, workflow)
    known = [stage for stage in stages if is_written(stage, written.get(stage.file, {}).get(stage.name, {}))]
    if len(known) < len(stages):
        others = sorted({stage.address for stage in stages} - {stage.address for stage in known})
        say(f"not as the Snakefile has them, so left alone: {', '.join(others)}. Run `make dvc`.")
    return known


def is_written(stage: Stage, entry: dict) -> bool:
    """Whether an entry of a file of stages is this stage; a shared one may have been written for another study."""
    return entry.get("cmd", "").endswith(stage.digest) if stage.file == SHARED else entry == stage.entry


def judge(study: str, stages: list[Stage], workflow: Workflow, scratch: Path | None = None) -> list[JudgedJob]:
    """Every job of the stages, producers first; DVC is only read where a folder `scratch` is given."""
    changes = dvc_changes(study, scratch)
    locked = {file: read_stages(file.with_suffix(".lock")) for file in stage_files(study)}
    agreed = read_state(study)
    stage_of = {job: stage for stage in stages for job in stage.jobs}
    judged: dict[Job, JudgedJob] = {}
    for job in (job for level in workflow.dag.toposorted() for job in level if job in stage_of):
        stage = stage_of[job]
        changed = changes.get(stage.address, set())
        outputs = {str(file) for file in job.output}
        inputs = {str(path) for file in job.input for path in [Path(file), Path(file).parent]}
        producers = [judged.get(producer) for producer in workflow.dag.dependencies[job]]
        made_by = locked[stage.file].get(stage.name, {}).get("cmd", "")
        known = bool(made_by) and changed.isdisjoint(outputs)
        unchanged = made_by.endswith(stage.digest) and changed.isdisjoint(inputs | set(stage.param_keys(job)))
        fresh = known and unchanged and all(producer and producer.fresh_in_dvc for producer in producers)
        record = has_record(job, workflow)
        given = all(map(is_given, job.output))
        current = (given or record) and not workflow.dag.needrun(job)
        vouched = given or (record and all(is_vouched(file, workflow, agreed) for file in job.output))
        judged[job] = JudgedJob(job, stage, bool(changed), known, fresh, current, vouched)
    return list(judged.values())


def has_record(job: Job, workflow: Workflow) -> bool:
    persistence = workflow.persistence
    return persistence.has_metadata(job) and not persistence.has_outdated_metadata(job)


def is_vouched(file: str, workflow: Workflow, agreed: dict) -> bool:
    """Whether a file is the one that Snakemake's record is about, and has not been replaced since."""
    path, found = Path(file), signature(Path(file))
    if found is None:
        return False
    seen = found == agreed.get("outputs", {}).get(str(file)) and str(file) not in agreed["doubted"]
    recorded = path.stat().st_mtime == workflow.persistence.metadata(file).endtime
    committing = agreed.get("committing", {}).get(str(file))
    return seen or recorded or (committing is not None and committing == sha256(path))


def findings(judged: list[JudgedJob], after_run: bool = False) -> tuple[list[Job], list[Job], list[Stage]]:
    """Jobs that DVC has brought for other settings, jobs of which it has brought all, and stages to commit."""
    unsettled = [job.job for job in judged if job.brought_for_other_settings]
    brought = [] if after_run else [job.job for job in judged if job.fresh_in_dvc and not job.current]
    return unsettled, brought, stages_to_commit(judged)


def stages_to_commit(judged: list[JudgedJob]) -> list[Stage]:
    """The stages that DVC calls changed and of which every job is up to date."""
    jobs_of: dict[str, list[JudgedJob]] = {}
    for job in judged:
        jobs_of.setdefault(job.stage.address, []).append(job)
    return [
        jobs[0].stage
        for jobs in jobs_of.values()
        if jobs[0].changed and all(job.fresh_in_dvc or (job.current and job.vouched) for job in jobs)
    ]


def dvc_changes(study: str, scratch: Path | None) -> dict[str, set[str]]:
    """What DVC calls changed of each stage: paths of inputs and outputs, places in params.yaml, "command"."""
    with dvc_repository(scratch) as repository:
        answer = repository.status(targets=[str(file) for file in stage_files(study)])
    changes: dict[str, set[str]] = {}
    for address, entries in answer.items():
        found = changes.setdefault(address, set())
        for entry in entries:
            if isinstance(entry, str):
                found.add(entry)
                continue
            for path, how in (item for files in entry.values() for item in files.items()):
                found |= set(how) if isinstance(how, dict) else {path}
    return changes


def dvc_repository(scratch: Path | None = None) -> "Repo":
    """The repository of DVC in this folder, which says nothing of its work.

    Where it is only read, DVC keeps its notes of who reads what in the folder `scratch`.
    """
    from dvc.lock import LockNoop
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    repository = Repo()
    if scratch is not None:
        repository.lock, repository.tmp_dir = LockNoop(), str(scratch)
    return repository

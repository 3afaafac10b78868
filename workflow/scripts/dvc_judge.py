"""How Snakemake and DVC each see the jobs of a study, and what follows for the other: see `dvc_sync`."""

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dvc_plan import entries, plan_text
from dvc_stage import SHARED, Stage, is_in
from dvc_state import read_stages, say, signature, stage_files
from dvc_workflow import has_record, is_given
from snakemake.jobs import Job
from snakemake.workflow import Workflow

from lungfuse.files import sha256

if TYPE_CHECKING:
    from dvc.repo import Repo


@dataclass
class JudgedJob:
    """A job as both tools see it.

    DVC calls its stage `changed`, or not. Its outputs are `known_to_dvc` where they are those of dvc.lock, and
    `fresh_in_dvc` where what has decided them is so too. It is `current` where Snakemake has a record of it and would
    not run it, and `vouched` for where that record is about the outputs that there are. A given file needs none.
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


def known_stages(study: str, stages: list[Stage]) -> list[Stage]:
    """The stages that are written in their file as the workflow has them."""
    written = {file: read_stages(file) for file in stage_files(study)}
    known = [stage for stage in stages if is_written(stage, written.get(stage.file, {}).get(stage.name, {}))]
    if len(known) < len(stages):
        others = sorted({stage.address for stage in stages} - {stage.address for stage in known})
        say(f"not as the workflow has them, so left alone: {', '.join(others)}. Run `make dvc`.")
    return known


def is_written(stage: Stage, entry: dict) -> bool:
    """Whether an entry of a file of stages is this stage; a shared one may have been written for another study."""
    own = stage.entry
    if stage.file == SHARED:
        own, entry = (
            {key: value for key, value in each.items() if key not in ["cmd", "params"]} for each in [own, entry]
        )
    return entry == own


class DvcView:
    """What DVC knows of stages: `changes` are what it calls changed of each, `locked` what dvc.lock says of each."""

    def __init__(self, study: str, scratch: Path | None = None):
        with dvc_repository(scratch) as repository:
            answer = repository.status(targets=[str(file) for file in stage_files(study)])
            self.cache = Path(repository.cache.local.path)
        self.changes = {address: changed_in(entries) for address, entries in answer.items()}
        self.locked = {file: read_stages(file.with_suffix(".lock")) for file in stage_files(study)}

    def lock_of(self, stage: Stage) -> dict:
        return self.locked[stage.file].get(stage.name, {})

    def changed(self, stage: Stage) -> set[str]:
        """What DVC calls changed of a stage: inputs, outputs, places in params.yaml, and its plan as it is now."""
        changed = self.changes.get(stage.address, set()) - {stage.plan}
        if stage.plan and hashlib.md5(plan_text(stage).encode()).hexdigest() != self._locked_plan(stage):
            changed = changed | {stage.plan}
        return changed

    def decided(self, stage: Stage) -> dict[str, Any]:
        """What had decided the jobs of a stage when it was last committed, see `dvc_plan`."""
        digest = self._locked_plan(stage)
        path = self.cache / digest[:2] / digest[2:]
        return json.loads(path.read_text(encoding="utf-8")) if digest and path.exists() else {}

    def _locked_plan(self, stage: Stage) -> str:
        deps = self.lock_of(stage).get("deps", [])
        return next((dep["md5"] for dep in deps if dep["path"] == stage.plan), "")


def judge(stages: list[Stage], workflow: Workflow, view: DvcView, agreed: dict) -> list[JudgedJob]:
    """Every job of the stages, producers first, by what DVC knows of them and what both tools last agreed on."""
    stage_of = {output: stage for stage in stages for output in stage.outputs}
    first_of = {output: job.outputs[0] for stage in stages for job in stage.jobs for output in job.outputs}
    changed = {stage: view.changed(stage) for stage in stages}
    before = {stage: view.decided(stage) for stage in stages}
    now = {stage: entries(stage) for stage in stages if stage.plan}
    judged: dict[Job, JudgedJob] = {}
    for job in (job for level in workflow.dag.toposorted() for job in level if not job.is_norun):
        outputs = [str(file) for file in job.output]
        if not (stage := stage_of.get(outputs[0])):
            continue
        known = bool(view.lock_of(stage)) and changed[stage].isdisjoint(map(stage.out_of, outputs))
        first, others = first_of[outputs[0]], changed[stage] - {stage.plan}
        decided_alike = not stage.plan or before[stage].get(first) == now[stage][first]
        same_inputs = not any(is_in(str(file), place) for place in others for file in job.input)
        producers = [judged.get(producer) for producer in workflow.dag.dependencies[job]]
        fresh = known and decided_alike and same_inputs and all(each and each.fresh_in_dvc for each in producers)
        given, record = all(map(is_given, job.output)), has_record(job, workflow)
        current = (given or record) and not workflow.dag.needrun(job)
        vouched = given or (record and all(is_vouched(file, workflow, agreed) for file in job.output))
        judged[job] = JudgedJob(job, stage, bool(changed[stage]), known, fresh, current, vouched)
    return list(judged.values())


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


def changed_in(entries: list) -> set[str]:
    """What DVC calls changed of a stage: paths of inputs and outputs, places in params.yaml, "changed checksum"."""
    found = {entry for entry in entries if isinstance(entry, str)}
    for files in (files for entry in entries if isinstance(entry, dict) for files in entry.values()):
        for path, how in files.items():
            found |= set(how) if isinstance(how, dict) else {path}
    return found


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

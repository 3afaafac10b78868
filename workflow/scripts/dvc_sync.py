"""Make Snakemake and DVC agree on what is up to date in a study, after either of them has worked.

What DVC has brought (checkout, pull, run cache) and calls unchanged is touched, so that Snakemake knows how it was
made. What Snakemake has made and calls current is committed to DVC. What DVC has brought for other settings than those
of now is marked incomplete, so that Snakemake makes it again. Nothing else is changed; see docs/reproducibility.md.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from dvc_stages import SHARED, SYNC_OFF, Stage, is_given, stage_file, stages_of, workflow_of
from snakemake.exceptions import WorkflowError
from snakemake.jobs import Job
from snakemake.workflow import Workflow

from lungfuse.files import sha256, whole_file

if TYPE_CHECKING:
    from dvc.repo import Repo

STATES, DVC_TMP = Path(".snakemake/dvc"), Path(".dvc/tmp")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True)
    parser.add_argument("--after-run", action="store_true", help="called by the Snakemake that holds the lock")
    arguments = parser.parse_args()
    from dvc.exceptions import DvcException

    try:
        sync(arguments.study, arguments.after_run)
    except DvcException as error:
        say(f"DVC failed: {error}. The next run of snakemake tries again.")
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or error.stdout or "").strip().splitlines()
        reason = reason[-1] if reason else f"exit code {error.returncode}"
        say(f"`{' '.join(error.cmd[2:4])}` failed: {reason}. The next run of snakemake tries again.")


def changed_outside(study: str) -> bool:
    """Whether files of a study are others than Snakemake and DVC last agreed on."""
    agreed = read_state(study)
    if "outputs" not in agreed:
        return any(file.with_suffix(".lock").exists() for file in stage_files(study))
    now = state(study, list(agreed["outputs"]))
    return any(agreed[part] != now[part] for part in now)


def possible(study: str) -> bool:
    """Whether there is anything to sync: the study is under DVC, and this is no part of DVC's or our own work."""
    busy = {"DVC_STAGE", SYNC_OFF} & set(os.environ)
    here = Path.cwd()
    in_git = any((folder / ".git").exists() for folder in [here, *here.parents])
    under_dvc = stage_file(study).exists() and Path(".dvc").is_dir() and find_spec("dvc") is not None
    return not busy and in_git and under_dvc


def keep_dvc_away(workflow: Workflow) -> ExitStack:
    """Hold DVC's own lock on what the jobs to run read and write, until the returned stack is closed.

    Raises:
        WorkflowError: DVC is at work on one of these files.
    """
    from dvc.fs import localfs
    from dvc.lock import LockError
    from dvc.rwlock import rwlock

    DVC_TMP.mkdir(parents=True, exist_ok=True)
    jobs = list(workflow.dag.needrun_jobs())
    written = {str(Path(file).absolute()) for job in jobs for file in job.output}
    read = {str(Path(file).absolute()) for job in jobs for file in job.input} - written
    held = ExitStack()
    try:
        held.enter_context(rwlock(str(DVC_TMP.resolve()), localfs, "snakemake", sorted(read), sorted(written), False))
    except LockError as error:
        raise WorkflowError(f"DVC is at work on files of this run; wait until it has ended. {error}") from error
    return held


def sync(study: str, after_run: bool) -> None:
    """Make both tools agree, and note what they have agreed on.

    Raises:
        DvcException: DVC cannot do its part now, for instance because another one is running.
        subprocess.CalledProcessError: Snakemake cannot.
    """
    mend_lock_files(study)
    with workflow_of(study) as workflow:
        if workflow.persistence.locked and not after_run:
            return
        stages = known_stages(study, workflow)
        judged = judge(study, stages, workflow)
        unsettled = [job for job in judged if job.brought_for_other_settings]
        for job in unsettled:
            workflow.persistence.started(job.job)
    brought = [] if after_run else [job for job in judged if job.fresh_in_dvc and not job.current]
    made = stages_to_commit(judged)
    if brought:
        touch(study, brought)
    if made:
        # DVC gives what it commits a new date before it writes dvc.lock; after a kill between, the content tells.
        files = [output for stage in made for output in stage.outputs if Path(output).is_file()]
        contents = {str(output): sha256(Path(output)) for output in files}
        write_state(study, read_state(study) | {"committing": contents})
        with dvc_repository() as repository:
            for stage in made:
                repository.commit(stage.address, force=True)
    if brought or made:
        parts = [f"{len(brought)} jobs brought by DVC are up to date"] if brought else []
        parts += [f"{len(made)} stages recorded in DVC"] if made else []
        say(", ".join(parts))
    if not unsettled:  # their settings may come back, which no file of the state would show
        doubted = [str(file) for job in judged if not (job.vouched or job.fresh_in_dvc) for file in job.job.output]
        agreed = state(study, [output for stage in stages for output in stage.outputs])
        write_state(study, agreed | {"doubted": doubted})


def mend_lock_files(study: str) -> None:
    """Put back, as last agreed on, each dvc.lock that a kill has cut off: DVC rewrites them in place."""
    agreed = read_state(study).get("files", {})
    locks = [file.with_suffix(".lock") for file in stage_files(study)]
    texts = {lock: lock.read_text(encoding="utf-8") for lock in locks if lock.exists()}
    cut = [lock for lock, text in texts.items() if text != agreed.get(str(lock)) and not is_whole(text)]
    if not cut:
        return
    from dvc.lock import LockError
    from dvc.repo import Repo

    with suppress(LockError), Repo().lock:
        for lock in cut:
            if is_whole(agreed.get(str(lock), "")):
                with whole_file(lock) as stream:
                    stream.write(agreed[str(lock)])
                say(f"{lock} was cut off by a kill, and is again what both tools last agreed on")
            else:
                say(f"{lock} is cut off; `git checkout -- {lock}` brings the committed one")


def is_whole(lock: str) -> bool:
    """Whether the text of a dvc.lock is one that DVC reads."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(lock))
    except (yaml.YAMLError, Invalid):
        return False
    return True


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


def judge(study: str, stages: list[Stage], workflow: Workflow) -> list[JudgedJob]:
    """Every job of the stages, producers first."""
    changes = dvc_changes(study)
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


def touch(study: str, jobs: list[JudgedJob]) -> None:
    """Make Snakemake write records of jobs as they are now."""
    targets = [str(job.job.output[0]) for job in jobs]
    command = [sys.executable, "-m", "snakemake", "--touch", "--force", "--cores", "1", "--config", f"study={study}"]
    environment = os.environ | {SYNC_OFF: "1"}
    subprocess.run([*command, "--", *targets], env=environment, capture_output=True, text=True, check=True)


def dvc_changes(study: str) -> dict[str, set[str]]:
    """What DVC calls changed of each stage: paths of inputs and outputs, places in params.yaml, "command"."""
    with dvc_repository() as repository:
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


def dvc_repository() -> "Repo":
    """The repository of DVC in this folder, which says nothing of its work."""
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    return Repo()


def state(study: str, outputs: list[str]) -> dict:
    """What there is to see without reading outputs: DVC's own files, and date and length of each output."""
    files = [file for stages in stage_files(study) for file in [stages, stages.with_suffix(".lock")]]
    texts = {str(file): file.read_text(encoding="utf-8") for file in files if file.exists()}
    return {"files": texts, "outputs": {output: signature(Path(output)) for output in outputs}}


def signature(path: Path) -> list[int] | None:
    """Date in nanoseconds and length in bytes, or nothing where there is no such file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return [found.st_mtime_ns, found.st_size]


def stage_files(study: str) -> list[Path]:
    """The files in which the stages of a study stand."""
    return [file for file in [stage_file(study), SHARED] if file.exists()]


def read_state(study: str) -> dict:
    try:
        return json.loads(state_file(study).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def write_state(study: str, agreed: dict) -> None:
    with whole_file(state_file(study)) as stream:
        json.dump(agreed, stream)


def state_file(study: str) -> Path:
    return STATES / f"{study}.json"


def read_stages(file: Path) -> dict[str, dict]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))["stages"] if file.exists() else {}


def say(message: str) -> None:
    print(f"dvc sync: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()

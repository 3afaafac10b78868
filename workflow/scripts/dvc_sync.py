"""Make Snakemake and DVC agree on what is up to date in a study, after either of them has worked.

Of what DVC has brought (checkout, pull, run cache) and calls unchanged, Snakemake gets a record of how it was made.
What Snakemake has made and calls current is committed to DVC. What DVC has brought for other settings than those of now
is marked incomplete, so that Snakemake makes it again. Nothing else is changed; a dry run changes nothing and says what
a run would. See docs/reproducibility.md.
"""

import argparse
import fcntl
import json
import logging
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import yaml
from dvc_stages import KINDS, SHARED, Stage, is_given, stage_file, stages_of, use_records, workflow_of
from snakemake.exceptions import WorkflowError
from snakemake.jobs import Job
from snakemake.settings.types import ExecutionSettings
from snakemake.workflow import Workflow

from lungfuse.errors import UserError
from lungfuse.files import sha256, whole_file

if TYPE_CHECKING:
    from dvc.repo import Repo

SNAKEMAKE, DVC_TMP = Path(".snakemake"), Path(".dvc/tmp")
STATES = SNAKEMAKE / "dvc"
FAILURE = STATES / "failure.log"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", required=True)
    parser.add_argument("--after-run", action="store_true", help="called by the Snakemake that holds the lock")
    parser.add_argument("--dry-run", type=Path, metavar="FOLDER", help="where a copy of Snakemake's records is changed")
    arguments = parser.parse_args()
    try:
        if arguments.dry_run:
            preview(arguments.study, arguments.dry_run)
        else:
            sync(arguments.study, arguments.after_run)
    except Exception as error:  # what DVC, Snakemake and the file system raise are of many kinds
        sys.exit(failure(error, keep=not arguments.dry_run))


def before_graph(study: str, workflow: Workflow) -> None:
    """Let the graph of jobs of a run rest on what the sync finds; a dry run reads it from a copy of the records.

    That jobs are to run is known only when the graph is built, after the Snakefile has been read. Whatever else reads
    the graph (--summary, --unlock, --report) sees Snakemake's own records.
    """
    build, copies = workflow._build_dag, ExitStack()

    def build_synced() -> None:
        if workflow.executor_plugin is not None and changed_outside(study):
            if not workflow.dryrun:
                if not run(study):
                    raise WorkflowError(
                        "Not started: without the sync, files that DVC has brought may be taken for others. Mend "
                        "what it names, or set dvc_sync: false in params.yaml."
                    )
            else:
                records = Path(copies.enter_context(TemporaryDirectory()))
                if run(study, "--dry-run", str(records)):
                    use_records(workflow, records)
                else:
                    say("this dry run rests on Snakemake's own records")
        build()

    workflow._build_dag = build_synced


def run(study: str, *options: str) -> bool:
    """Sync in a process of its own; whether it went well. A failure is told."""
    scripts = Path(__file__).resolve().parent
    command = [sys.executable, str(scripts / "dvc_sync.py"), "--study", study, *options]
    code = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(scripts.parent)}).returncode
    if code < 0:
        say(f"was ended by signal {-code}. The next run of snakemake tries again.")
    return code == 0


def failure(error: Exception, keep: bool) -> str:
    """What to tell of a failed sync; the traceback is kept in a file where that is wanted and can be."""
    kind = [] if isinstance(error, UserError) else [type(error).__name__]
    reason = ": ".join([*kind, " ".join(str(error).split())])
    kept = ""
    if keep:
        with suppress(Exception), whole_file(FAILURE) as stream:
            stream.write("".join(traceback.format_exception(error)))
            kept = f" Details are in {FAILURE}."
    return (
        f"dvc sync: failed ({reason}). No file of the study was changed; the next run of snakemake tries again.{kept}"
    )


def changed_outside(study: str) -> bool:
    """Whether files of a study are others than Snakemake and DVC last agreed on."""
    agreed = read_state(study)
    if "outputs" not in agreed:
        return any(file.with_suffix(".lock").exists() for file in stage_files(study))
    now = state(study, list(agreed["outputs"]))
    return any(agreed[part] != now[part] for part in now)


def possible(study: str) -> bool:
    """Whether there is anything to sync: the study is under DVC, and this is no part of DVC's own work."""
    here = Path.cwd()
    in_git = any((folder / ".git").exists() for folder in [here, *here.parents])
    under_dvc = stage_file(study).exists() and Path(".dvc").is_dir() and find_spec("dvc") is not None
    return "DVC_STAGE" not in os.environ and in_git and under_dvc


def keep_dvc_away(workflow: Workflow) -> ExitStack:
    """Hold DVC's own lock on what the jobs to run read and write, until the returned stack is closed.

    Raises:
        WorkflowError: DVC is at work on one of these files, or its lock cannot be taken.
    """
    from dvc.exceptions import DvcException
    from dvc.fs import localfs
    from dvc.lock import LockError
    from dvc.rwlock import rwlock

    jobs = list(workflow.dag.needrun_jobs())
    written = {str(Path(file).absolute()) for job in jobs for file in job.output}
    read = {str(Path(file).absolute()) for job in jobs for file in job.input} - written
    held = ExitStack()
    try:
        DVC_TMP.mkdir(parents=True, exist_ok=True)
        held.enter_context(rwlock(str(DVC_TMP.resolve()), localfs, "snakemake", sorted(read), sorted(written), False))
    except LockError as error:
        raise WorkflowError(f"DVC is at work on files of this run; wait until it has ended. {error}") from error
    except (DvcException, OSError) as error:
        raise WorkflowError(f"DVC's lock {DVC_TMP / 'rwlock'} cannot be taken. {error}") from error
    return held


def sync(study: str, after_run: bool) -> None:
    """Make both tools agree, and note what they have agreed on."""
    mend_lock_files(study)
    with workflow_of(study) as workflow:
        if workflow.persistence.locked and not after_run:
            return
        stages = known_stages(study, workflow)
        judged = judge(study, stages, workflow)
        unsettled, brought, made = findings(judged, after_run)
        change_records(workflow, unsettled, brought)
    if made and not commit(study, made):
        return
    if brought or made:
        parts = [f"{len(brought)} jobs brought by DVC are up to date"] if brought else []
        parts += [f"{len(made)} stages recorded in DVC"] if made else []
        say(", ".join(parts))
    if not unsettled:  # their settings may come back, which no file of the state would show
        doubted = [str(file) for job in judged if not (job.vouched or job.fresh_in_dvc) for file in job.job.output]
        agreed = state(study, [output for stage in stages for output in stage.outputs])
        write_state(study, agreed | {"doubted": doubted})


def preview(study: str, records: Path) -> None:
    """Change a copy of Snakemake's records, made in the folder `records`, as a run would, and say what that is."""
    cut = cut_lock_files(study)
    if cut:
        raise UserError(f"{', '.join(map(str, cut))} was cut off by a kill; a run puts back what was last agreed on")
    for kind in KINDS:
        with suppress(FileNotFoundError):
            shutil.copytree(SNAKEMAKE / kind, records / kind)
    with workflow_of(study, records) as workflow:
        if workflow.persistence.locked:
            return
        with dvc_left_alone():
            judged = judge(study, known_stages(study, workflow), workflow, records)
        unsettled, brought, made = findings(judged)
        change_records(workflow, unsettled, brought)
    parts = [f"find {len(brought)} jobs brought by DVC up to date"] if brought else []
    parts += [f"make {len(unsettled)} jobs again that DVC brought for other settings"] if unsettled else []
    parts += [f"record {len(made)} stages in DVC"] if made else []
    if parts:
        say(f"a run would {', '.join(parts)}")


def findings(judged: list["JudgedJob"], after_run: bool = False) -> tuple[list[Job], list[Job], list[Stage]]:
    """Jobs that DVC has brought for other settings, jobs of which it has brought all, and stages to commit."""
    unsettled = [job.job for job in judged if job.brought_for_other_settings]
    brought = [] if after_run else [job.job for job in judged if job.fresh_in_dvc and not job.current]
    return unsettled, brought, stages_to_commit(judged)


def change_records(workflow: Workflow, unsettled: list[Job], brought: list[Job]) -> None:
    """Mark jobs incomplete, and record others as made as they are now."""
    workflow.execution_settings = ExecutionSettings()
    for job in unsettled:
        workflow.persistence.started(job)
    for job in brought:
        workflow.async_run(workflow.persistence.finished(job))


def commit(study: str, stages: list[Stage]) -> bool:
    """Commit stages to DVC; whether it went well. A failure is told and harms nothing, for it is done again."""
    # DVC gives what it commits a new date before it writes dvc.lock; after a kill between, the content tells.
    files = [output for stage in stages for output in stage.outputs if Path(output).is_file()]
    contents = {str(output): sha256(Path(output)) for output in files}
    write_state(study, read_state(study) | {"committing": contents})
    try:
        with dvc_repository() as repository:
            for stage in stages:
                repository.commit(stage.address, force=True)
    except Exception as error:
        print(failure(error, keep=True), file=sys.stderr)
        return False
    return True


@contextmanager
def dvc_left_alone() -> Iterator[None]:
    """Keep DVC from writing for a while, without a trace of it.

    Raises:
        BlockingIOError: DVC is at work.
    """
    with ExitStack() as stack:
        with suppress(FileNotFoundError):
            fcntl.flock(stack.enter_context((DVC_TMP / "lock").open("rb")), fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


def mend_lock_files(study: str) -> None:
    """Put back, as last agreed on, each dvc.lock that a kill has cut off: DVC rewrites them in place."""
    cut = cut_lock_files(study)
    if not cut:
        return
    from dvc.lock import LockError
    from dvc.repo import Repo

    agreed = read_state(study).get("files", {})
    with suppress(LockError), Repo().lock:
        for lock in cut:
            if is_whole(agreed.get(str(lock), "")):
                with whole_file(lock) as stream:
                    stream.write(agreed[str(lock)])
                say(f"{lock} was cut off by a kill, and is again what both tools last agreed on")
            else:
                say(f"{lock} is cut off; `git checkout -- {lock}` brings the committed one")


def cut_lock_files(study: str) -> list[Path]:
    """Each dvc.lock that a kill has cut off."""
    agreed = read_state(study).get("files", {})
    locks = [file.with_suffix(".lock") for file in stage_files(study)]
    texts = {lock: lock.read_text(encoding="utf-8") for lock in locks if lock.exists()}
    return [lock for lock, text in texts.items() if text != agreed.get(str(lock)) and not is_whole(text)]


def is_whole(lock: str) -> bool:
    """Whether the text of a dvc.lock is one that DVC reads."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        stages = COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(lock)).get("stages", {}).values()
    except (yaml.YAMLError, Invalid):
        return False
    files = [file for stage in stages for kind in ["deps", "outs"] for file in stage.get(kind, [])]
    return lock.endswith("\n") and all(file.get("hash", "md5") in file and "size" in file for file in files)


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


def state(study: str, outputs: list[str]) -> dict:
    """What there is to see without reading outputs: DVC's own files, and date and length of each output."""
    files = [file for stages in stage_files(study) for file in [stages, stages.with_suffix(".lock")]]
    texts = {str(file): file.read_text(encoding="utf-8", errors="replace") for file in files if file.exists()}
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
        found = json.loads(state_file(study).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


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

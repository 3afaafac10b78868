"""Make Snakemake and DVC agree on what is up to date in a study, after either of them has worked.

Of what DVC has brought (checkout, pull, run cache) and calls unchanged, Snakemake gets a record of how it was made.
What Snakemake has made and calls current is committed to DVC. What DVC has brought for other settings than those of now
is marked incomplete, so that Snakemake makes it again. Nothing else is changed; a dry run changes nothing and says what
a run would. See docs/reproducibility.md.
"""

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this folder's own code, whichever is installed

import dvc_graph
from dvc_judge import DvcView, dvc_repository, findings, is_vouched, judge, known_stages
from dvc_plan import plans_are_written, stages_of_study, write_plans
from dvc_stage import PLAN, PLANS, Stage, is_in
from dvc_state import SNAKEMAKE, STATES, read_stages, read_state, say, stage_files, state, write_state
from dvc_workflow import KINDS, before_graph, change_records, make_only, use_records, workflow_of
from snakemake.exceptions import WorkflowError
from snakemake.io import IOFile
from snakemake.workflow import Workflow

from lungfuse.errors import UserError
from lungfuse.files import atomic_write, sha256

DVC_STAGE = "DVC_STAGE"  # the environment variable with which DVC names the stage that runs
DVC_TMP = Path(".dvc/tmp")
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


def sync_before(study: str, workflow: Workflow) -> None:
    """Let the graph of jobs of a run rest on what the sync finds; a dry run reads it from a copy of the records."""
    copies = ExitStack()

    def synced() -> None:
        if not changed_outside(study):
            return
        if not workflow.dryrun:
            if not run(study):
                raise WorkflowError(
                    "Not started: without the sync, files that DVC has brought may be taken for others. Fix what it "
                    "names, or set dvc_sync: false in params.yaml."
                )
            return
        records = Path(copies.enter_context(TemporaryDirectory()))
        if run(study, "--dry-run", str(records)):
            use_records(workflow, records)
        else:
            say("this dry run rests on Snakemake's own records")

    before_graph(workflow, synced)


def stay_in_stage(stages: list[Stage], workflow: Workflow) -> None:
    """Where DVC runs a stage, let its jobs run and take the files of others as given: DVC has seen to them.

    What dvc.yaml does not know, such as a model of an experiment, is made by the stage that needs it. Files that DVC
    leaves where the stage runs again are kept where Snakemake knows how they were made.
    """
    _, _, name = os.environ.get(DVC_STAGE, "").rpartition(":")
    if name not in [stage.name for stage in stages]:
        return
    written = {name for file in {stage.file for stage in stages} for name in read_stages(file)}
    outs = [out for stage in stages for out in stage.outs if stage.name == name or stage.name not in written]
    staying = [output for stage in stages if stage.name == name for output in stage.staying]

    def only_own() -> None:
        remove_unknown(staying, workflow, read_state(stages[0].study))
        make_only(workflow, lambda file: any(is_in(file, out) for out in outs))

    before_graph(workflow, only_own)


def remove_unknown(outputs: list[str], workflow: Workflow, agreed: dict) -> None:
    """Remove files of which Snakemake has no record, or one of others: it takes what it has no record of for made."""
    for file in map(IOFile, outputs):
        if workflow.persistence.metadata(file) is None or not is_vouched(file, workflow, agreed):
            Path(file).unlink(missing_ok=True)


def run(study: str, *options: str) -> bool:
    """Sync in a process of its own; whether it went well. A failure is reported."""
    scripts = Path(__file__).resolve().parent
    command = [sys.executable, str(scripts / "dvc_sync.py"), "--study", study, *options]
    code = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(scripts.parent)}).returncode
    if code < 0:
        say(f"was ended by signal {-code}. The next run of snakemake tries again.")
    return code == 0


def failure(error: Exception, keep: bool) -> str:
    """What to say of a failed sync; the traceback is kept in a file where that is wanted and can be."""
    kind = [] if isinstance(error, UserError) else [type(error).__name__]
    reason = ": ".join([*kind, " ".join(str(error).split())])
    kept = ""
    if keep:
        with suppress(Exception), atomic_write(FAILURE) as stream:
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
    under_dvc = dvc_graph.stage_file(study).exists() and Path(".dvc").is_dir() and find_spec("dvc") is not None
    return DVC_STAGE not in os.environ and in_git and under_dvc


def keep_dvc_away(study: str, workflow: Workflow) -> ExitStack:
    """Hold DVC's own lock on the plans and on what the jobs to run read and write, until the returned stack is closed.

    Raises:
        WorkflowError: DVC is at work on one of these files, or its lock cannot be taken.
    """
    from dvc.exceptions import DvcException
    from dvc.fs import localfs
    from dvc.lock import LockError
    from dvc.rwlock import rwlock

    jobs = list(workflow.dag.needrun_jobs())
    written = {str(Path(file).absolute()) for file in [PLANS / study, *(file for job in jobs for file in job.output)]}
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
    repair_lock_files(study)
    with workflow_of(study) as workflow:
        if workflow.persistence.locked and not after_run:
            return
        stages = stages_of_study(study)
        known, view = known_stages(study, stages), DvcView(study)
        judged = judge(known, workflow, view, read_state(study))
        unsettled, brought, made = findings(judged, after_run)
        change_records(workflow, unsettled, brought)
    if made:  # else, as after a run that failed, the plans stay those of what there is
        write_plans(study, stages)
    plans = [stage for stage in known if stage.name == PLAN and view.changes.get(stage.address)]
    if made or plans_are_written(stages):
        made = [*plans, *made]
    if made and not commit(study, made):
        return
    if brought or made:
        parts = [f"{len(brought)} jobs brought by DVC are up to date"] if brought else []
        parts += [f"{len(made)} stages recorded in DVC"] if made else []
        say(", ".join(parts))
    if not unsettled:  # their settings may come back, which no file of the state would show
        doubted = [str(file) for job in judged if not (job.vouched or job.fresh_in_dvc) for file in job.job.output]
        agreed = state(study, [output for stage in known for output in stage.outputs])
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
            known, view = known_stages(study, stages_of_study(study)), DvcView(study, records)
            judged = judge(known, workflow, view, read_state(study))
        unsettled, brought, made = findings(judged)
        change_records(workflow, unsettled, brought)
    parts = [f"find {len(brought)} jobs brought by DVC up to date"] if brought else []
    parts += [f"make {len(unsettled)} jobs again that DVC brought for other settings"] if unsettled else []
    parts += [f"record {len(made)} stages in DVC"] if made else []
    if parts:
        say(f"a run would {', '.join(parts)}")


def commit(study: str, stages: list[Stage]) -> bool:
    """Commit stages to DVC; whether it went well. A failure is reported and harms nothing, for it is done again."""
    # DVC gives what it commits a new date before it writes dvc.lock; after a kill between, the content decides.
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


def repair_lock_files(study: str) -> None:
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
                with atomic_write(lock) as stream:
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


if __name__ == "__main__":
    main()

"""A study's workflow with its graph of jobs, from private parts of Snakemake, which is pinned below 10."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.io import AnnotatedString, is_flagged
from snakemake.jobs import Job
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    ExecutionSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
)
from snakemake.workflow import Workflow

KINDS = ["metadata", "incomplete"]  # of Snakemake's records, with a folder each


@contextmanager
def workflow_of(study: str, records: Path | None = None) -> Iterator[Workflow]:
    """The workflow of a study. What Snakemake has on record is read from and written to the folder `records`, where one
    is given."""
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


def change_records(workflow: Workflow, unsettled: list[Job], brought: list[Job]) -> None:
    """Mark jobs incomplete, and record others as made as they are now."""
    workflow.execution_settings = ExecutionSettings()
    for job in unsettled:
        workflow.persistence.started(job)
    for job in brought:
        workflow.async_run(workflow.persistence.finished(job))


def before_graph(workflow: Workflow, first: Callable[[], None]) -> None:
    """Call a function right before the graph of jobs of a run is built, but not where it is only looked at.

    That jobs are to run is known only then, after the Snakefile has been read. Whatever else reads the graph
    (--summary, --unlock, --report) is left alone.
    """
    build = workflow._build_dag

    def build_after() -> None:
        if workflow.executor_plugin is not None:
            first()
        build()

    workflow._build_dag = build_after


def make_only(workflow: Workflow, wanted: Callable[[str], bool]) -> None:
    """Let a workflow, before its graph of jobs is built, take all files but the wanted ones as given."""
    index = workflow.dag.output_index
    producers = index.match_producers
    index.match_producers = lambda file: producers(file) if wanted(file) else set()


def has_record(job: Job, workflow: Workflow) -> bool:
    persistence = workflow.persistence
    return persistence.has_metadata(job) and not persistence.has_outdated_metadata(job)


def is_given(output: AnnotatedString) -> bool:
    """Whether an output may have been put there by hand instead of by its job."""
    return is_flagged(output, "update")

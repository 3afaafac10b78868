from contextlib import ExitStack

from lungfuse import prefork
from progress import Progress
from rich.console import Console

# One process serves all jobs of a stage where they run on this machine and with this software. A profile that wants a
# process of its own for each job sets the resource `own_process`, as those of clusters do.
FORKS = (
    workflow.is_main_process
    and workflow.local_exec
    and bool(OWN_PYTHON)
    and "own_process" not in workflow.global_resources
    and sys.platform == "linux"
)
RUN = ExitStack()


def end_run() -> None:
    RUN.close()
    if SYNCS:
        dvc_sync.run(PLAN.name, "--after-run")


onstart:
    # Nothing is submitted on this machine, so there is no rate to limit. With a limit Snakemake weighs all ready jobs each
    # second, and once more for every job that has ended: after some hundred of them that takes a core.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None
    if workflow.is_main_process:
        RUN.enter_context(Progress(workflow).shown())
    if SYNCS:
        RUN.enter_context(dvc_sync.keep_dvc_away(PLAN.name, workflow))
    if FORKS:
        RUN.enter_context(prefork.server())


onsuccess:
    end_run()
    if workflow.is_main_process and any(job.rule.name == "default" for job in workflow.dag.jobs):
        import summary  # it takes longer than the rest of the start

        summary.show(Console(stderr=True), STUDY, LAYOUT)


onerror:
    end_run()

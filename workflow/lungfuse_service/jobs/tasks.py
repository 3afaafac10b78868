"""What the queue wakes the worker for. A task says no more than that there is work: which, the table of jobs says."""

import logging
from collections.abc import Callable

from django.utils.module_loading import import_string
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task, on_startup

from lungfuse_service.jobs.claims import PREDICT, claim_next, finish, heartbeat, requeue_stale
from lungfuse_service.jobs.models import Job, State

log = logging.getLogger(__name__)
WORK = {  # by kind of job
    PREDICT: "lungfuse_service.inference.work.predict",
    "retrain": "lungfuse_service.inference.retrain.retrain",
}
PREPARE = "lungfuse_service.inference.work.prepare"
NOT_MENDABLE = "The model could not be used. This is a fault of the service, which its operator sees in the log."


@db_task()
def work() -> None:
    """Do the oldest job, also one that a dead worker has left, with those that can be done together with it. What comes
    next is another task, before which a worker may be asked to stop."""
    requeue_stale()
    if jobs := claim_next():
        run(jobs)
        if Job.objects.filter(state=State.QUEUED, kind=PREDICT).exists():
            wake()


@db_periodic_task(crontab(minute="*"))
def sweep() -> None:
    """Find what no queue knows of, as after a crash."""
    work.call_local()


@on_startup()
def begin() -> None:
    """Make ready, then do what is queued."""
    import_string(PREPARE)()
    wake()


def run(jobs: list[Job]) -> None:
    """Do jobs of one claim, together; where that raises, each by itself. One that raises then has failed."""
    do = import_string(WORK[jobs[0].kind])
    with heartbeat(jobs[0].claim):
        try:
            do(jobs)
        except Exception:
            if len(jobs) > 1:
                log.warning("%d jobs are done one by one", len(jobs), exc_info=True)
            for job in Job.objects.filter(claim=jobs[0].claim, state=State.RUNNING).order_by("created"):
                run_alone(do, job)


def run_alone(do: Callable[[list[Job]], None], job: Job) -> None:
    try:
        do([job])
    except Exception:
        log.exception("job %s", job.id)
        finish(job, NOT_MENDABLE)


def wake() -> None:
    """Tell the worker that there is work, unless such a task still waits. Where the queue does not answer, the next
    sweep finds it."""
    try:
        if not work.huey.pending_count():
            work()
    except Exception:
        log.exception("the queue does not answer")

"""Who works on jobs: each attempt claims some, and only the claim that a job still bears ends it.

So it does not matter when a worker is killed, or whether one that seemed dead comes back: a job ends once.
"""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, close_old_connections, connection
from django.db.models import F
from django.utils import timezone

from lungfuse_service.jobs.models import GIVEN_UP, MOST_ATTEMPTS, STALE, Job, State

BEAT = 2.0  # seconds
PREDICT = "predict"  # the kind of jobs that the worker does; others have processes of their own
TOGETHER = 128  # jobs that are done together, as many as `predict` has in memory at once
log = logging.getLogger(__name__)


def claim_next(most: int = TOGETHER, kind: str = PREDICT) -> list[Job]:
    """The oldest of the queued jobs, now running for whom it is given to, and up to so many that can be done together
    with it; none where none is queued. All of them have one claim.

    A job whose worker was ended is done alone: if it was the reason, the others of its group do not fail with it.
    """
    while first := Job.objects.filter(state=State.QUEUED, kind=kind).order_by("created").first():
        also = Job.objects.filter(state=State.QUEUED, kind=kind, group=first.group, attempts=0).order_by("created")
        together = first.group and not first.attempts
        keys = list(also.values_list("pk", flat=True)[:most]) if together else [first.pk]
        now, claim = timezone.now(), uuid.uuid4()
        Job.objects.filter(pk__in=keys, state=State.QUEUED).update(
            state=State.RUNNING, claim=claim, attempts=F("attempts") + 1, heartbeat=now, started=now
        )
        if claimed := list(Job.objects.filter(claim=claim).order_by("created")):
            return claimed
    return []


def finish(job: Job, problem: str = "") -> bool:
    """End a job, unless another attempt has claimed it since or it was deleted; to be called in the transaction that
    writes its result, which is written only if this is true."""
    state = State.FAILED if problem else State.DONE
    mine = Job.objects.filter(pk=job.pk, claim=job.claim, state=State.RUNNING)
    return mine.update(state=state, problem=problem, finished=timezone.now()) == 1


def finish_together(jobs: list[Job]) -> set[uuid.UUID]:
    """End jobs of one claim without a problem, as `finish` does; returns the keys of those that it has ended."""
    mine = Job.objects.filter(pk__in=[job.pk for job in jobs], claim=jobs[0].claim, state=State.RUNNING)
    keys = set(mine.select_for_update().values_list("pk", flat=True))
    Job.objects.filter(pk__in=keys).update(state=State.DONE, problem="", finished=timezone.now())
    return keys


def release(job: Job) -> None:
    """Queue a job again that its process cannot end, because it is asked to stop; this counts as no attempt."""
    mine = Job.objects.filter(pk=job.pk, claim=job.claim, state=State.RUNNING)
    mine.update(state=State.QUEUED, claim=None, attempts=F("attempts") - 1)


def requeue_stale() -> int:
    """Queue the jobs of dead workers again, or give up those that have ended several; how many there were."""
    now = timezone.now()
    stale = Job.objects.filter(state=State.RUNNING, heartbeat__lt=now - STALE)
    lost = stale.filter(attempts__gte=MOST_ATTEMPTS).update(state=State.FAILED, problem=GIVEN_UP, finished=now)
    again = stale.update(state=State.QUEUED, claim=None)
    if lost or again:
        log.warning("%d jobs of dead workers queued again, %d given up", again, lost)
    return lost + again


@contextmanager
def heartbeat(claim: uuid.UUID) -> Iterator[None]:
    """Show that the jobs of a claim are being worked on, during a block."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT):
            try:
                close_old_connections()
                Job.objects.filter(claim=claim, state=State.RUNNING).update(heartbeat=timezone.now())
            except DatabaseError as error:
                log.warning("no heartbeat: %s", error)
        connection.close()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()

"""Who works on a job: each attempt claims it, and only the claim that a job still bears ends it.

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
log = logging.getLogger(__name__)


def claim_next() -> Job | None:
    """The oldest of the queued jobs, now running for whom it is given to; None where none is queued."""
    while waiting := Job.objects.filter(state=State.QUEUED).order_by("created").first():
        now, claim = timezone.now(), uuid.uuid4()
        claimed = Job.objects.filter(pk=waiting.pk, state=State.QUEUED).update(
            state=State.RUNNING, claim=claim, attempts=F("attempts") + 1, heartbeat=now, started=now
        )
        if claimed:
            waiting.refresh_from_db()
            return waiting
    return None


def finish(job: Job, problem: str = "") -> bool:
    """End a job, unless another attempt has claimed it since or it was deleted; to be called in the transaction that
    writes its result, which is written only if this is true."""
    state = State.FAILED if problem else State.DONE
    mine = Job.objects.filter(pk=job.pk, claim=job.claim, state=State.RUNNING)
    return mine.update(state=state, problem=problem, finished=timezone.now()) == 1


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
def heartbeat(job: Job) -> Iterator[None]:
    """Show that a job is being worked on, during a block."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT):
            try:
                close_old_connections()
                Job.objects.filter(pk=job.pk, claim=job.claim).update(heartbeat=timezone.now())
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

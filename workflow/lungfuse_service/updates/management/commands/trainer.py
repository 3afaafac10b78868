"""Train updates of models: python -m lungfuse_service trainer. After SIGTERM it goes on at its next start."""

import signal
import sys
import time

from django.core.management.base import BaseCommand

from lungfuse_service.jobs.claims import claim_next, release, requeue_stale
from lungfuse_service.jobs.tasks import run
from lungfuse_service.updates.actions import RETRAIN

LOOK = 2.0  # seconds between looks at the table of jobs


class Command(BaseCommand):
    """One update at a time, in a process of its own, so that predictions do not wait for it."""

    help = __doc__

    def handle(self, **options) -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        while True:
            requeue_stale()
            jobs = claim_next(kind=RETRAIN)
            try:
                run(jobs) if jobs else time.sleep(LOOK)
            except (SystemExit, KeyboardInterrupt):
                for job in jobs:
                    release(job)
                return

"""Work on jobs: python -m lungfuse_service worker. SIGTERM lets it end the job that it is at."""

import logging

from django.core.management.base import BaseCommand
from django.utils.module_loading import autodiscover_modules
from huey.contrib.djhuey import HUEY

CONSUMER = {"workers": 1, "worker_type": "thread", "initial_delay": 0.05, "backoff": 1.5, "max_delay": 1.0}


class Command(BaseCommand):
    """One worker, for a model is loaded once; more of them run beside each other."""

    help = __doc__

    def handle(self, **options) -> None:
        autodiscover_modules("tasks")
        logging.getLogger("huey.consumer").setLevel(logging.WARNING)
        HUEY.create_consumer(**CONSUMER, check_worker_health=True, graceful_signal="TERM").run()

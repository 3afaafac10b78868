"""What is to be done, and by whom it is being done."""

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


class JobsConfig(AppConfig):
    name = "lungfuse_service.jobs"

    def ready(self) -> None:
        post_migrate.connect(make_queue, sender=self)


def make_queue(**about) -> None:
    """The queue has tables too."""
    settings.HUEY.storage.initialize_schema()

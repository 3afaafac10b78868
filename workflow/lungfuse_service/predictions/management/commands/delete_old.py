"""Delete what is kept no longer: python -m lungfuse_service delete_old. The worker does so each night."""

from django.core.management.base import BaseCommand

from lungfuse_service.predictions.retention import delete_old, delete_unnamed


class Command(BaseCommand):
    """Delete predictions that are older than LUNGFUSE_SERVICE_RETENTION_DAYS, and images that nothing names."""

    help = __doc__

    def handle(self, **options) -> None:
        self.stdout.write(f"{delete_old()} predictions and {delete_unnamed()} unnamed images deleted")

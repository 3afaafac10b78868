"""What is kept no longer."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from lungfuse_service.jobs.models import Job
from lungfuse_service.predictions.models import Prediction

UNNAMED = timedelta(hours=1)  # after which an image that no prediction names is of a request that was cut off


def delete_old() -> int:
    """Delete predictions that are older than the days they are kept, with their images; how many there were."""
    if not settings.RETENTION_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.RETENTION_DAYS)
    old = list(Prediction.objects.filter(created__lt=before).select_related("job"))
    for prediction in old:
        prediction.delete()
    Job.objects.filter(created__lt=before, prediction=None, retraining=None).delete()
    return len(old)


def delete_unnamed() -> int:
    """Delete images that no prediction names, as a process leaves them that is killed while it accepts one."""
    count, before = 0, (timezone.now() - UNNAMED).timestamp()
    for path in (settings.MEDIA_ROOT / "images").glob("*.png"):
        named = Prediction.objects.filter(image=f"images/{path.name}").exists()
        if not named and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            count += 1
    return count

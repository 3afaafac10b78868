"""What is kept, and for how long."""

import os
from datetime import timedelta
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from lungfuse_service.jobs.models import Job
from lungfuse_service.predictions.models import Prediction
from lungfuse_service.predictions.retention import UNNAMED, delete_old


def grow_old(prediction: Prediction, days: int) -> None:
    when = timezone.now() - timedelta(days=days)
    Prediction.objects.filter(pk=prediction.pk).update(created=when)
    Job.objects.filter(pk=prediction.job_id).update(created=when)


def test_what_is_old_is_deleted_with_its_image_and_job(answered, ann):
    old, new = answered(ann), answered(ann)
    grow_old(old, 31)
    said = StringIO()
    call_command("delete_old", stdout=said)
    assert said.getvalue() == "1 predictions and 0 unnamed images deleted\n"
    assert list(Prediction.objects.all()) == [new] and Job.objects.get().pk == new.job_id
    assert [path.stem for path in (settings.MEDIA_ROOT / "images").iterdir()] == [str(new.id)]


def test_with_zero_days_all_is_kept(answered, ann):
    grow_old(answered(ann), 4000)
    with override_settings(RETENTION_DAYS=0):
        assert delete_old() == 0
    assert Prediction.objects.count() == 1


def test_an_image_of_a_request_that_was_cut_off_is_deleted_after_an_hour(answered, ann):
    named = settings.MEDIA_ROOT / answered(ann).image.name
    left, fresh = (named.with_name(f"{name}.png") for name in ["left", "fresh"])
    for path in [left, fresh]:
        path.write_bytes(b"x")
    before = (timezone.now() - 2 * UNNAMED).timestamp()
    os.utime(left, (before, before))
    os.utime(named, (before, before))
    call_command("delete_old", stdout=StringIO())
    assert named.exists() and fresh.exists() and not left.exists()


def test_the_folder_of_the_service_is_for_its_owner_alone():
    assert (settings.FOLDER / "secret_key").stat().st_mode & 0o077 == 0

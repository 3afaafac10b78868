"""Accept a case: the one way in, for pages, programs and the bot."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.utils import timezone

from lungfuse_service.accounts.models import User
from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.jobs.models import Job, State
from lungfuse_service.jobs.tasks import wake
from lungfuse_service.predictions.models import Prediction


class QuotaError(Exception):
    """A user has had as much as one may have; the message says so."""


@dataclass(frozen=True)
class Case:
    """What a model is asked about. `image` is as `clean_image` leaves it; of `text` and `values` what is known."""

    image: File | None = None
    text: str = ""
    values: dict[str, str] = field(default_factory=dict)


def submit(
    user: User, model: TrainedModel, case: Case, key: uuid.UUID | None = None, explained: bool = True
) -> Prediction:
    """Accept a case: once this returns, it will have one result, whatever happens. The same `key` gives the prediction
    that it gave before.

    Raises:
        QuotaError: the user has too many predictions that wait, or had too many within a day.
    """
    key = key or uuid.uuid4()
    prediction = Prediction(user=user, model=model, key=key, text=case.text, values=case.values, explained=explained)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # requests of a user come one after the other
        if earlier := Prediction.objects.filter(user=user, key=key).first():
            return earlier
        check_quota(user)
        if case.image is not None:
            prediction.image.save("image.png", case.image, save=False)
        group = "" if explained else f"model {model.pk}"
        prediction.job = Job.objects.create(kind="predict", group=group, user=user)
        prediction.save()
    wake()
    return prediction


def check_quota(user: User) -> None:
    """Raise `QuotaError` if a user may not ask more now."""
    jobs = Job.objects.filter(user=user)
    if jobs.filter(state__in=[State.QUEUED, State.RUNNING]).count() >= settings.MOST_WAITING:
        raise QuotaError(f"{settings.MOST_WAITING} of your predictions are waiting. Ask again when they are done.")
    if jobs.filter(created__gt=timezone.now() - timedelta(days=1)).count() >= settings.MOST_A_DAY:
        raise QuotaError(f"You have asked {settings.MOST_A_DAY} times within a day. Ask again tomorrow.")

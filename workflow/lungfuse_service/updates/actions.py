"""What a user with the right to do so does with models: add cases, start an update, go back to another version."""

import uuid

from django.db import transaction
from django.db.models import QuerySet

from lungfuse_service.accounts.models import User
from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.jobs.models import Job, State
from lungfuse_service.updates.forms import ConfirmedCaseForm
from lungfuse_service.updates.models import ConfirmedCase, Update

RIGHT = "updates.add_update"
RETRAIN = "retrain"  # the kind of its jobs
LEAST = 20  # patients, without which nothing can be shown of the added cases


class NotNowError(Exception):
    """An update cannot start; the message says why."""


def add_case(user: User, form: ConfirmedCaseForm) -> ConfirmedCase:
    """The case of a form that is valid; the same key gives the case that it gave before."""
    given, model = form.cleaned_data, form.model
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        key = given.get("key") or uuid.uuid4()
        if earlier := ConfirmedCase.objects.filter(user=user, key=key).first():
            return earlier
        case = ConfirmedCase(
            user=user, key=key, study=model.study, name=model.name, patient=given["patient"].strip(),
            text=form.text, values=form.values, truth=form.truth,
        )  # fmt: skip
        if given.get("image"):
            case.image.save("image.png", given["image"], save=False)
        case.save()
    return case


def learned_from(model: TrainedModel) -> QuerySet[ConfirmedCase]:
    """The confirmed cases that a model has learned from."""
    return ConfirmedCase.objects.filter(updates__made=model)


def waiting_for(model: TrainedModel) -> QuerySet[ConfirmedCase]:
    """Those that it has not learned from yet; of a refused update all are among them."""
    known = ConfirmedCase.objects.filter(study=model.study, name=model.name)
    return known.exclude(pk__in=learned_from(model).values("pk"))


def versions_of(model: TrainedModel) -> list[TrainedModel]:
    """The versions of a model that can be active, latest first: of those trained in the project itself, whose files are
    replaced, the last."""
    known = TrainedModel.objects.filter(study=model.study_id, name=model.name).order_by("-found")
    replaced = known.filter(project="")[1:]
    return [each for each in known if each not in replaced]


def under_way(model: TrainedModel) -> bool:
    """Whether an update of a version of the model has not ended."""
    open_states = [State.QUEUED, State.RUNNING]
    return Update.objects.filter(base__study=model.study_id, base__name=model.name, job__state__in=open_states).exists()


def start_update(user: User, model: TrainedModel) -> Update:
    """Start an update of an active model with all confirmed cases that wait, and those it has learned from before.

    Raises:
        NotNowError: too few cases wait, or another update is under way.
    """
    with transaction.atomic():
        TrainedModel.objects.select_for_update().get(pk=model.pk)
        waiting = list(waiting_for(model))
        patients = len({case.patient or case.pk for case in waiting})
        if patients < LEAST:
            raise NotNowError(f"Cases of {patients} patients wait. {LEAST} or more are needed to judge an update.")
        if under_way(model):
            raise NotNowError("Another update of this model is under way.")
        job = Job.objects.create(kind=RETRAIN, user=user)
        update = Update.objects.create(base=model, job=job)
        update.cases.set([*learned_from(model), *waiting])
    return update


@transaction.atomic
def activate(model: TrainedModel) -> None:
    """From now on this version is the one that is offered; predictions of others keep theirs."""
    TrainedModel.objects.filter(study=model.study_id, name=model.name).update(active=False)
    TrainedModel.objects.filter(pk=model.pk).update(active=True)

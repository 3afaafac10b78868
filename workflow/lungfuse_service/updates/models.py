"""Confirmed cases for a model, and its updates: each is trained by the workflow, and judged by the gate."""

import uuid
from functools import partial

from django.conf import settings
from django.db import models, transaction

from lungfuse_service.catalogue.models import Study, TrainedModel
from lungfuse_service.jobs.models import Job, State


def image_path(case: "ConfirmedCase", name: str) -> str:
    return f"confirmed/{case.id}.png"


class ConfirmedCase(models.Model):
    """A case with what it was found to be, for the models of a study that bear a name, in all versions.

    `truth` is 1 or 0 by label, or null where it is not known; `patient` is a code that keeps cases of a patient apart
    from others, empty where the case is the only one. `key` is of the request.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="confirmed_cases")
    study = models.ForeignKey(Study, models.CASCADE, related_name="confirmed_cases")
    name = models.CharField(max_length=100)
    patient = models.CharField(max_length=100, blank=True)
    image = models.FileField(upload_to=image_path, blank=True)
    text = models.TextField(blank=True)
    values = models.JSONField(default=dict)
    truth = models.JSONField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("created",)
        constraints = (models.UniqueConstraint(fields=["user", "key"], name="one_case_a_request"),)

    def __str__(self) -> str:
        return f"{self.study_id}/{self.name} {self.id}"

    @property
    def found(self) -> str:
        """What it was found to be, in words."""
        return ", ".join(name for name, has in self.truth.items() if has) or "none of the labels"

    @property
    def record(self) -> dict:
        """The case as JSON, for programs and for export."""
        return {
            "id": str(self.id),
            "model": f"{self.study_id}/{self.name}",
            "patient": self.patient,
            "truth": self.truth,
            "given": {"image": bool(self.image), "text": self.text, "values": self.values},
            "created": self.created.isoformat(),
        }


@models.signals.post_delete.connect
def delete_image(sender: type[models.Model], instance: models.Model, **about) -> None:
    """The image goes with its case, however that is deleted."""
    if sender is ConfirmedCase and instance.image:
        transaction.on_commit(partial(instance.image.storage.delete, instance.image.name))


class Update(models.Model):
    """An attempt to replace the model `base`, which was active when it began, by one that has learned from `cases` too.

    `verdict` is what the gate says, see `lungfuse_service.inference.retrain`; `made` the new model, if it became
    active.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    base = models.ForeignKey(TrainedModel, models.PROTECT, related_name="updates")
    job = models.OneToOneField(Job, models.SET_NULL, null=True, related_name="retraining")
    cases = models.ManyToManyField(ConfirmedCase, related_name="updates")
    verdict = models.JSONField(default=dict)
    made = models.OneToOneField(TrainedModel, models.SET_NULL, null=True, related_name="made_by")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return f"update of {self.base}"

    @property
    def state(self) -> str:
        """queued, running, failed, refused or accepted."""
        if self.verdict:
            return "accepted" if self.verdict["accepted"] else "refused"
        return self.job.state if self.job else State.FAILED

    @property
    def record(self) -> dict:
        """The update as JSON, for programs."""
        found = {
            "id": str(self.id),
            "model": str(self.base),
            "base_sha256": self.base.sha256,
            "made_sha256": self.made.sha256 if self.made else None,
            "state": self.state,
            "cases": self.cases.count(),
            "created": self.created.isoformat(),
            "verdict": self.verdict or None,
        }
        problem = self.job.problem if self.job else ""
        return found | ({"problem": problem} if problem else {})

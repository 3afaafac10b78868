"""Predictions: a user's case for a model, and its one result."""

import uuid
from functools import partial

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse

from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.jobs.models import Job

DELETED = "Deleted by its user."


def image_path(prediction: "Prediction", name: str) -> str:
    """Nothing of a file's name is kept."""
    return f"images/{prediction.id}.png"


class Prediction(models.Model):
    """A case of a user for a model. `key` is of the request, so that one sent twice is one prediction.

    `values` are its columns by name, as texts; `explained` says whether it is asked what the model decided by.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="predictions")
    model = models.ForeignKey(TrainedModel, models.PROTECT, related_name="predictions")
    job = models.OneToOneField(Job, models.PROTECT, related_name="prediction")
    image = models.FileField(upload_to=image_path, blank=True)
    text = models.TextField(blank=True)
    values = models.JSONField(default=dict)
    explained = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created",)
        constraints = (models.UniqueConstraint(fields=["user", "key"], name="one_prediction_a_request"),)

    def __str__(self) -> str:
        return f"{self.model} {self.id}"

    def get_absolute_url(self) -> str:
        return reverse("prediction", args=[self.id])

    def delete(self, *arguments, **options):
        """Delete all that there is of it, the image once nothing in the database names it; its job, which says nothing
        of the case, still counts for the quota."""
        with transaction.atomic():
            if self.image:
                transaction.on_commit(partial(self.image.storage.delete, self.image.name))
            self.job.give_up(DELETED)
            return super().delete(*arguments, **options)


class Result(models.Model):
    """What a model makes of a case, see `lungfuse_service.inference.outcome`."""

    prediction = models.OneToOneField(Prediction, models.CASCADE, related_name="result")
    outcome = models.JSONField()
    made = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"result of {self.prediction_id}"

    @property
    def answer(self) -> str:
        """The class in words, the names of labels, or that it is too uncertain to say."""
        names = [name.replace("_", " ") for name in self.outcome["predicted"]]
        if not self.certain and not self.of_labels:
            return "Too uncertain to say"
        return ", ".join(names) or "None of the labels"

    @property
    def certain(self) -> bool:
        """Whether one class alone cannot be ruled out, of each question."""
        sets = [[each.get("in_set", True) for each in question["classes"]] for question in self.outcome["questions"]]
        return self.outcome["coverage"] is None or all(sum(held) == 1 for held in sets)

    @property
    def of_labels(self) -> bool:
        """Whether each of several labels may be there or not."""
        return any(question["label"] for question in self.outcome["questions"])


class Overlay(models.Model):
    """A transparent picture over the image: what a method says of the model's reasons."""

    result = models.ForeignKey(Result, models.CASCADE, related_name="overlays")
    method = models.CharField(max_length=60)
    png = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["result", "method"], name="one_overlay_a_method"),)

    def __str__(self) -> str:
        return self.method

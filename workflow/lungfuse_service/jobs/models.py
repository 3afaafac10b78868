"""Jobs: the truth about what has been accepted. The queue only wakes the worker."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

STALE = timedelta(seconds=20)  # without a heartbeat: ten are missed
MOST_ATTEMPTS = 3
GIVEN_UP = "The worker was ended three times while it worked on this. Nothing is known of the case."


class State(models.TextChoices):
    """A job is queued, then running, then done or failed; of a worker that died it is queued again."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(models.Model):
    """A job of a user. `claim` is of the attempt that may end it; `problem` says to the user why it failed.

    Jobs of one `group` may be done together; one without a group is done alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20)
    group = models.CharField(max_length=100, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="jobs")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, editable=False)
    heartbeat = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ("created",)
        indexes = (models.Index(fields=["state", "created"]), models.Index(fields=["user", "created"]))

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def ended(self) -> bool:
        return self.state in (State.DONE, State.FAILED)

    @property
    def overdue(self) -> bool:
        """Whether nobody seems to be at work on it."""
        since = self.heartbeat if self.state == State.RUNNING else self.created
        return not self.ended and timezone.now() - since > STALE

    @property
    def ahead(self) -> int:
        """How many jobs of its kind come before it."""
        return Job.objects.filter(state=State.QUEUED, kind=self.kind, created__lt=self.created).count()

    def give_up(self, problem: str) -> None:
        """End it without a result, unless it has ended."""
        going_on = Job.objects.filter(pk=self.pk, state__in=[State.QUEUED, State.RUNNING])
        going_on.update(state=State.FAILED, problem=problem, claim=None, finished=timezone.now())

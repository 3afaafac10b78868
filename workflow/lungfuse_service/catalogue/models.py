"""Studies and trained models, as the worker has found them."""

from django.db import models
from django.urls import reverse


class Study(models.Model):
    """A study with trained models; `segmenter` outlines a region of its images, where it has one."""

    name = models.CharField(max_length=100, primary_key=True)
    notice = models.CharField(max_length=200, blank=True)
    task = models.CharField(max_length=40)
    labels = models.JSONField()
    segmenter = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return self.name


class TrainedModel(models.Model):
    """A trained model in one version: `sha256` is of all that it predicts with.

    `columns` is what it reads of a case, see `lungfuse.modalities.new_cases.Column`; `stamps` says by method what its
    explanations are worth; `score` is its AUROC over all pairs, with its interval. `project` is where its files lie,
    from the folder of the service, or empty where that is the project itself. Only an active one is offered.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="models")
    name = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    architecture = models.CharField(max_length=100)
    columns = models.JSONField()
    stamps = models.JSONField(default=dict)
    score = models.JSONField(default=dict)
    folds = models.PositiveSmallIntegerField()
    project = models.CharField(max_length=200, blank=True)
    active = models.BooleanField(default=True)
    found = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("study", "name")
        constraints = (models.UniqueConstraint(fields=["study", "name", "sha256"], name="one_row_a_version"),)

    def __str__(self) -> str:
        return f"{self.study_id}/{self.name}"

    def get_absolute_url(self) -> str:
        return reverse("ask", args=[self.study_id, self.name])

    @property
    def reads(self) -> list[str]:
        """What it reads, in words: image, text, and the names of columns."""
        return [column["name"] for column in self.columns]

    @property
    def inputs(self) -> list[str]:
        """The kinds of what it reads, each once: image, text, fields."""
        kinds = ("fields" if each["kind"] in ("number", "category") else each["kind"] for each in self.columns)
        return list(dict.fromkeys(kinds))

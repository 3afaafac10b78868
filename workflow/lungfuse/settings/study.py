"""A study: a dataset with all its settings."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lungfuse.settings.base import ClassWeights, Name, Once, SeedCount, Settings, Share, View, each_view
from lungfuse.settings.check import CheckSettings
from lungfuse.settings.comparison import EvaluationSettings, LeakageSettings, ShortcutSettings
from lungfuse.settings.explanations import ExplanationSettings
from lungfuse.settings.ingest import FilterSettings, ImageSettings, SplitSettings
from lungfuse.settings.model import ModelName, ModelSettings
from lungfuse.settings.segmentation import SegmentationSettings
from lungfuse.settings.table import TableSettings
from lungfuse.settings.training import EncoderSettings, FusionSettings, PretrainingSettings, TrainSettings


class Study(Settings):
    """A dataset with its settings. `raw` is the folder of its raw files in data/raw.

    `table` says what the columns of the table mean, where the dataset is `table`. `added` is a folder in that of the
    raw files with cases that were confirmed later; the folds of the study's own cases do not depend on them.

    Every model is trained `n_seeds` times, each time with a new seed and new folds, unless its entry says otherwise.
    With `share: aggregate` its report, cards and kept tables hold no image, no text of a case and no count of one to
    four cases, so that they may leave a hospital.
    With `class_weights: balanced` both classes count the same in what every model minimises, with none each case does.
    Where `view` lists several, a case has an image of each, or lacks it; models read all of them unless their `images`
    name one, as raw@lateral does.
    """

    dataset: str
    raw: Name
    table: TableSettings | None = None
    added: Name | None = None
    task: str
    modalities: Annotated[list[str], Field(min_length=1), Once]
    seed: Annotated[int, Field(ge=0, lt=2**31)]  # with room for a seed of each fold, repeat and draw
    n_seeds: SeedCount
    class_weights: ClassWeights
    notice: str
    share: Literal["all", "aggregate"] = "all"
    rejected_share: Share
    view: View
    filter: FilterSettings
    images: ImageSettings
    check: CheckSettings
    split: SplitSettings
    segmentation: SegmentationSettings
    encoders: EncoderSettings
    fusion: FusionSettings
    train: TrainSettings
    pretraining: PretrainingSettings
    comparison: EvaluationSettings
    explanations: ExplanationSettings
    leakage: LeakageSettings
    shortcuts: ShortcutSettings
    models: Annotated[dict[ModelName, ModelSettings], Field(min_length=1)]

    @property
    def labels(self) -> list[str]:
        """The names of the classes or labels, as a task takes them."""
        return self.filter.label_names

    @property
    def views(self) -> list[str]:
        """The views of the images that are read."""
        return each_view(self.view)

    @property
    def places(self) -> list[str]:
        """The views of the images of a case, where it has several."""
        return [] if isinstance(self.view, str) else self.view

    @model_validator(mode="after")
    def images_are_of_all_views(self) -> "Study":
        for model in self.models.values():
            if self.places and model.images and "@" not in model.images:
                model.inputs["image"] = f"{model.images}@{'+'.join(self.places)}"
        return self

    @model_validator(mode="after")
    def table_is_of_its_dataset(self) -> "Study":
        if (self.dataset == "table") != (self.table is not None):
            raise ValueError(
                f"table: the dataset is {self.dataset}; the dataset table, and no other, needs a mapping of the columns"
            )
        return self

    @model_validator(mode="after")
    def masks_are_of_the_table(self) -> "Study":
        annotated = self.segmentation.annotated
        if annotated.dataset == "table" and not (self.table and self.table.masks and annotated.raw == self.raw):
            raise ValueError(
                f"segmentation.annotated: found the dataset table with raw {annotated.raw}; it is that of a study of a "
                "table that names masks, with the study's own raw folder"
            )
        return self

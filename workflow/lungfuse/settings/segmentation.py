"""Segmenters: what they learn from, their network, their training, and what becomes of their masks."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lungfuse.settings.base import Name, Once, Precision, Settings, Share
from lungfuse.settings.ingest import Fit

SegmenterName = Annotated[str, Field(pattern=r"^unet-[a-z0-9]+(-[a-z0-9]+)*$")]
PACKAGED_SEGMENTER = "packaged"


class UNetSettings(Settings):
    """A U-Net: channels of its first level, doubled at each of `depth` levels."""

    width: Annotated[int, Field(ge=8, multiple_of=8)]
    depth: Annotated[int, Field(ge=2, le=7)]
    normalisation: Literal["batch", "group", "none"]


class SegmenterSettings(Settings):
    """Training of a segmenter. `plateau` and `patience` are epochs without a better validation loss after which the
    learning rate is halved and the training ends."""

    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    plateau: Annotated[int, Field(ge=1)]
    patience: Annotated[int, Field(ge=1)]
    precision: Precision


class MaskSettings(Settings):
    """Probabilities to masks: those above `threshold`, the largest `components`, widened by `margin`, a share of the
    image's side."""

    threshold: Annotated[float, Field(gt=0, lt=1)]
    components: Annotated[int, Field(ge=1)]
    margin: Annotated[float, Field(ge=0, le=0.2)]


class SuspicionSettings(Settings):
    """Masks beyond these are flagged: shares of the image, difference of the sides, components before cleaning.

    `min_contrast` is a standard deviation of the image in grey levels.
    """

    min_area: Share
    max_area: Share
    max_asymmetry: Share
    max_components: Annotated[int, Field(ge=1)]
    min_contrast: Annotated[float, Field(ge=0)]


class AnnotatedSettings(Settings):
    """Images with masks: those of `dataset` in data/raw/`raw`, as squares of `image_size` pixels.

    Of the dataset `table` they are those of the study's own table, with its `masks`.

    `test` and `validation` are shares of the patients.
    """

    dataset: str
    raw: Name
    image_size: Annotated[int, Field(ge=32, le=1024)]
    fit: Fit
    test: Annotated[float, Field(gt=0, lt=0.5)]
    validation: Annotated[float, Field(gt=0, lt=0.5)]


class SegmentationSettings(Settings):
    """Segmenters by name, each with the sites whose annotated images it learns from; `region` is what is marked there.

    The images of a study are segmented by those that its models name; the one called packaged comes with this package.
    """

    region: Annotated[str, Field(min_length=1)]
    annotated: AnnotatedSettings
    unet: UNetSettings
    train: SegmenterSettings
    mask: MaskSettings
    suspicious: SuspicionSettings
    segmenters: dict[SegmenterName, Annotated[list[str], Field(min_length=1), Once]]

    @model_validator(mode="after")
    def unet_fits_image(self) -> "SegmentationSettings":
        step = 2 ** (self.unet.depth - 1)
        if self.annotated.image_size % step:
            raise ValueError(
                f"annotated.image_size: found {self.annotated.image_size}, expected a multiple of {step} "
                f"for a U-Net of depth {self.unet.depth}"
            )
        return self

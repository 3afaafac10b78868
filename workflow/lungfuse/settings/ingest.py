"""How raw files become pairs: labels, filters, the image array, folds."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from lungfuse.settings.base import Name, Once, Settings

Section = Literal["findings", "impression", "indication", "comparison"]
Heading = Annotated[str, Field(min_length=1)]


class LabelRule(Settings):
    """Which reports are of a class, by the part of a major MeSH heading before its first '/'."""

    name: Name
    heading: Heading | Annotated[list[Heading], Field(min_length=1), Once]
    match: Literal["contains", "equals"]

    @property
    def headings(self) -> list[str]:
        """The headings of which a report has one or more."""
        return [self.heading] if isinstance(self.heading, str) else self.heading


class FilterSettings(Settings):
    """Which images and reports become pairs."""

    labels: Annotated[list[LabelRule], Field(min_length=2, max_length=2)]
    balance: Literal["first", "random", "none"]
    text_fields: Annotated[list[Section], Field(min_length=1), Once]

    @field_validator("labels")
    @classmethod
    def two_names(cls, labels: list[LabelRule]) -> list[LabelRule]:
        if labels[0].name == labels[1].name:
            raise ValueError("the two labels need different names")
        return labels


class ImageSettings(Settings):
    """The image array: `image_px` is its height and width in pixels."""

    image_px: Annotated[int, Field(ge=16, le=2048)]
    fit: Literal["pad", "crop", "stretch"]


class SplitSettings(Settings):
    """Cross-validation; about the share `validation` of the training folds is what a fold's models are validated on."""

    folds: Annotated[int, Field(ge=2, le=20)]
    validation: Annotated[float, Field(gt=0, le=0.5)]

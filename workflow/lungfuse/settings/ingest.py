"""How raw files become pairs: labels, filters, the image array, folds."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import Field, FiniteFloat, field_validator, model_validator

from lungfuse.cell_forms import days_of
from lungfuse.settings.base import LabelName, Name, Once, Section, SeedCount, Settings

Heading = Annotated[str, Field(min_length=1)]
Shared = Literal["patient", "text", "column", "image"]  # what pairs of one group have in common
Fit = Literal["pad", "crop", "stretch"]  # how an image that is no square becomes one


class LabelRule(Settings):
    """Which cases are of a class or have a label: by headings, or by the words of a column.

    A heading is a major MeSH heading up to its first '/'; a case has the label that has a heading which `match` fits.
    Of a `column`, `positive` words give the label, and `negative` ones take it; where `negative` is null any other word
    does. Nothing in the column, and a word of neither, leave it unknown. Where a cell holds several words, `between` is
    what stands between them, such as |, and one that is positive is enough. Of a column of numbers `range` is the
    least and the greatest that there may be; a case with none, or one outside, is left out.
    """

    name: LabelName
    heading: Heading | Annotated[list[Heading], Field(min_length=1), Once] | None = None
    match: Literal["contains", "equals"] = "equals"
    column: Section | None = None
    positive: Annotated[list[str], Field(min_length=1), Once] | None = None
    negative: Annotated[list[str], Field(min_length=1), Once] | None = None
    between: Annotated[str, Field(min_length=1)] | None = None
    range: Annotated[list[FiniteFloat], Field(min_length=2, max_length=2)] | None = None

    @model_validator(mode="after")
    def one_of_both(self) -> "LabelRule":
        if self.range is not None:
            return self
        if (self.heading is None) == (self.column is None):
            raise ValueError(f"label {self.name}: expected either a heading or a column")
        if self.column is not None and self.positive is None:
            raise ValueError(f"label {self.name}: expected the positive words of the column {self.column}")
        if self.column is None and (self.positive or self.negative or self.between):
            raise ValueError(
                f"label {self.name}: positive and negative words, and what is between, are those of a column; name it"
            )
        if both := set(self.positive or []) & set(self.negative or []):
            raise ValueError(f"label {self.name}: found {sorted(both)[0]!r} among its positive and its negative words")
        return self

    @model_validator(mode="after")
    def range_is_of_numbers(self) -> "LabelRule":
        if self.range is None:
            return self
        if self.column is None or self.heading or self.positive or self.negative or self.between:
            raise ValueError(f"label {self.name}: range is that of the numbers of a column; name the column alone")
        if self.range[0] >= self.range[1]:
            raise ValueError(f"label {self.name}: found the range {self.range}, expected the least number first")
        return self


class FilterSettings(Settings):
    """Which images and reports become pairs, and which of these stay in one fold.

    `required` are the modalities that a pair must have; where null, images and texts where the study has them. Another
    modality may be missing. The first of `text_fields` is the text of a pair.

    Pairs that share something of `group_by`, directly or through others, are never on both sides of a split: their
    patient, their text, the value of a column that the table's own `group_by` names, or an image with the same pixels
    or of at least `likeness`. With an empty list each pair is split by itself, which shows what that adds to a score.
    """

    labels: Annotated[list[LabelRule], Field(min_length=1)]
    balance: Literal["first", "random", "none"]
    required: Annotated[list[Name], Once] | None
    text_fields: Annotated[list[Section], Field(min_length=1), Once]
    group_by: Annotated[list[Shared], Once] = Field(default=["patient", "text", "column"])
    likeness: Annotated[float, Field(gt=0, le=1)] = 0.85

    @property
    def label_names(self) -> list[str]:
        """The names of the classes or labels; of a number its name and the ends of its range."""
        return [name for rule in self.labels for name in [rule.name, *(f"{end:g}" for end in rule.range or [])]]

    @field_validator("labels")
    @classmethod
    def names_differ(cls, labels: list[LabelRule]) -> list[LabelRule]:
        names = [rule.name for rule in labels]
        if len(set(names)) < len(names):
            raise ValueError(f"the labels need different names, found {', '.join(names)}")
        return labels


class ImageSettings(Settings):
    """The image array: `image_size` is its height and width in pixels, `colour` whether it keeps colours."""

    image_size: Annotated[int, Field(ge=16, le=2048)]
    fit: Fit
    colour: bool = False


class SplitSettings(Settings):
    """Cross-validation; about the share `validation` of the training folds is what a fold's models are validated on.

    `by` is group, where folds are alike, or site, where each fold is one site, which is left out of training, and
    `folds` is the number of sites; or date, where models learn from earlier pairs and are tested once, on those from
    the day `after` on, or on the latest `test_share`. `column` is one of a table that says the fold that tests a row,
    or train, val and test; `test` one that says what is tested, once. A fixed test part is one fold.
    Where `groups` is allowed, such a split may have a patient on both sides; the report says so. Folds and validation
    pairs are drawn `repeats` times; each training of a model that is trained several times has its own.
    """

    folds: Annotated[int, Field(ge=1, le=20)]
    validation: Annotated[float, Field(gt=0, le=0.5)]
    by: Literal["group", "site", "date"] = "group"
    column: Heading | None = None
    test: Heading | None = None
    after: Heading | None = None
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    groups: Literal["refused", "allowed"] = "refused"
    repeats: SeedCount = 1

    @property
    def own(self) -> bool:
        """Whether somebody else has fixed the split."""
        return self.heading is not None or self.by == "date"

    @property
    def heading(self) -> str | None:
        """The column of the table that says the split."""
        return self.column or self.test

    @model_validator(mode="after")
    def one_way(self) -> "SplitSettings":
        ways = [name for name in ("column", "test") if getattr(self, name)] + [self.by] * (self.by != "group")
        if len(ways) > 1:
            raise ValueError(f"found {' and '.join(ways)}, expected one way to split; leave the others out")
        if self.after is not None and not days_of(pd.Series([self.after])).iloc[0]:
            raise ValueError(f"after: found {self.after!r}, expected a day such as 2021-01-31")
        if self.after is not None and self.by != "date":
            raise ValueError("after: is the first day that is tested, of a split by date")
        if self.folds == 1 and not self.own:
            raise ValueError(
                "folds: found 1, expected 2 or more; one fold is a fixed test part, by column, test or date"
            )
        if self.folds > 1 and (self.test or self.by == "date"):
            raise ValueError(f"folds: found {self.folds}, expected 1: a fixed test part is one fold")
        if self.groups == "allowed" and not self.own:
            raise ValueError("groups: allowed is for a split by column, test or date; others keep groups whole")
        return self

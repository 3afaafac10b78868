"""How the rows of a table become cases, for the dataset `table`."""

import codecs
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from lungfuse.cell_forms import Form, checked_pattern
from lungfuse.settings.base import UNKNOWN, Known, LabelName, Once, Place, Section, Settings

Heading = Annotated[str, Field(min_length=1)]
Words = Annotated[list[str], Once]
ImageColumns = Heading | Annotated[dict[Place, Heading], Field(min_length=2)]  # one, or one for each place
Pattern = Annotated[str, Field(min_length=1), AfterValidator(checked_pattern)]


class ReadColumn(Settings):
    """How a structured column, or one that labels are read from, is read: its heading in the table, its kind, how its
    numbers are written (088Y is an age of DICOM, 12 mg has a unit, 90+ is 90 of at-least) and its own words for missing
    values."""

    column: Heading
    kind: Literal["number", "category"] = "category"
    form: Form = "plain"
    missing: Words = Field(default=[])


class TableColumn(ReadColumn):
    """A structured column with the unit of its numbers, and when it is known."""

    unit: str = ""
    known: Known = UNKNOWN


class TableText(Settings):
    """A section of text: its heading in the table, without the sentences that have a word which begins like one of
    `redact_terms`, such as those that state the outcome, and when it is known."""

    column: Heading
    redact_terms: Words = Field(default=[])
    known: Known = UNKNOWN


class FirstRow(Settings):
    """The first row alone of each value in the column `of`, such as the first image of a patient: that with the least
    number in the column `by`, or the first of the table. Rows without a value in `of` all stay."""

    of: Heading
    by: Heading | None = None


class TableSource(Settings):
    """Where a table is from, for the data card; `biases` are what to know before believing a result on it."""

    name: str = ""
    page: str = ""
    citation: str = ""
    licence: str = ""
    biases: list[str] = Field(default=[])


class TableFormat(Settings):
    """How a table is written: what stands between fields, decimals and thousands; `missing` holds words that say no
    more than an empty cell."""

    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: Heading = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'", "’"] = ""
    missing: Words = Field(default=[])

    @model_validator(mode="after")
    def can_be_read(self) -> "TableFormat":
        if self.decimal == self.thousands:
            raise ValueError(f"thousands: found {self.thousands!r}, which stands between decimals; say another")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(f"encoding: found {self.encoding!r}, expected one such as utf-8 or cp1252") from None
        return self


class ClassWords(Settings):
    """The words of a column that give a class or label, and those that take it; see `LabelRule`."""

    column: Heading
    positive: Words
    negative: Words | None = None
    between: str | None = None


class TableReading(TableFormat):
    """What a trained model keeps of the mapping that its study was read by, to read other tables by it.

    `case`, `patient`, `image` and `text` are headings, by place or section where a case has several images or texts,
    which is where the other settings of images are kept too; `columns` are those of what it reads, `classes` the words
    of each class or label.
    """

    case: Heading | None = None
    patient: Heading | None = None
    image: ImageColumns | None = None
    image_between: str | None = None
    case_rows: Literal["joined"] | None = None
    view: Heading | None = None
    views: dict[Heading, Words] | None = None
    text: Heading | dict[Section, Heading] | None = None
    columns: dict[Section, ReadColumn] = Field(default={})
    classes: dict[LabelName, ClassWords] = Field(default={})


class TableSettings(TableFormat):
    """How the rows of a table become cases; a row is a case with one image, several or none.

    `file`, `images` and `masks` are in the raw folder: a CSV or Parquet file, and folders and .zip files of images and
    of what is outlined in them. A mask is called like its image, with `mask_suffix` behind. `rows` keeps those that
    have one of some words in a column, and `first` of these the first row of each patient or the like. `case`,
    `patient`, `site`, `date`, `image` and `view` are headings of columns; without `case` a case is called by its image,
    or by the number of its row. Of a cell of `patient` the part that fits the regular expression `patient_pattern` is
    the patient, where there is one, and with `same_numbers` 017, 17 and 17.0 are the same, as P-001 and p 001 are. Rows
    with the same value in a column of `group_by` are never on both sides of a split. `own_split` is the column that the
    study's `split` names, from where it is taken. `views` says what words of the column `view` mean. `texts` names the
    columns of sections, `columns` those of structured values and of labels.

    A case has several images where `image` names a column for each of several views, where `image_between` is what
    stands between the images of a cell, or where `case_rows` are joined: all else is then read from the first row of a
    case. These images have the views of their columns or rows, or else the views 1, 2, ... in their order.
    """

    file: Heading
    rows: dict[Heading, Annotated[Words, Field(min_length=1)]] = Field(default={})
    first: FirstRow | None = None
    case: Heading | None = None
    patient: Heading | None = None
    patient_pattern: Pattern | None = None
    same_numbers: bool = False
    site: Heading | None = None
    date: Heading | None = None
    own_split: Heading | None = None
    group_by: Words = Field(default=[])
    image: ImageColumns | None = None
    image_between: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, exclude_if=lambda value: value is None
    )
    case_rows: Literal["joined"] | None = Field(default=None, exclude_if=lambda value: value is None)
    images: Words = Field(default=[])
    masks: Words = Field(default=[])
    mask_suffix: str = ""
    view: Heading | None = None
    views: dict[Heading, Annotated[Words, Field(min_length=1)]] = Field(default={})
    texts: dict[Section, Heading | TableText] = Field(default={})
    columns: dict[Section, TableColumn] = Field(default={})
    source: TableSource = Field(default=TableSource())

    @model_validator(mode="after")
    def images_have_places(self) -> "TableSettings":
        if (self.image is None) != (not self.images):
            raise ValueError(
                "image and images belong together: the column of their paths, and the folders that hold them"
            )
        if self.masks and self.image is None:
            raise ValueError("masks: are those of images; name the column of their paths with image")
        if self.image_between and not isinstance(self.image, str):
            raise ValueError("image_between: stands between the images of a cell; name one column with image")
        if self.view and (self.image_between or isinstance(self.image, dict)):
            raise ValueError(f"view: found {self.view!r}, but several images of a row have the views that `image` says")
        if self.case_rows and self.case is None:
            raise ValueError("case_rows: are joined where they name the same case; name the column with case")
        if self.views and self.view is None:
            raise ValueError("views: says what the words of a column mean; name the column with view")
        for place in [self.file, *self.images, *self.masks]:
            if place.startswith("/") or ".." in place.split("/"):
                raise ValueError(
                    f"found {place!r}, expected files and folders in the raw folder; link or copy them there"
                )
            if {*"{}"} & {*place}:
                raise ValueError(
                    f"found {place!r}, in which Snakemake takes what is in braces for a wildcard; rename it"
                )
        return self

"""Parameters that several stages take together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar, dataclass_transform

from cyclopts import Parameter

from lungfuse.settings.table import TableSettings

T = TypeVar("T")

Several = Annotated[list[T], Parameter(consume_multiple=True)]
"""A list given as one option with several values: `--files a b c`."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def options(fields: type[T]) -> type[T]:
    """A class as parameters that are taken together; on the command line each field is an option of its own name."""
    return Parameter(name="*")(dataclass(frozen=True, kw_only=True)(fields))


@options
class AskedCases:
    """The cases that a trained model is asked about: one by its parts, or many.

    Parameters
    ----------
    image
        X-ray of one case, any format that Pillow reads.
    text
        Section of the report of one case.
    values
        Structured columns of one case: --values.age 54 --values.sex F.
    cases
        Table of many cases, CSV, with the column id and those that the model reads: image, text, and structured columns
        by their names; empty is what a case lacks. Paths of images are taken from its folder. It may be written as the
        table of the study was, and be that table: headings, separator, encoding, decimals and thousands, units, words
        for missing values. Or a folder of images, each a case by the name of its file.
    leave_out_unreadable
        Leave out those of many cases of which an image cannot be read, and name them; else they stop the command.
    """

    image: Path | None = None
    text: str = ""
    values: dict[str, str] | None = None
    cases: Path | None = None
    leave_out_unreadable: bool = False


@options
class Explaining:
    """How a trained model is explained.

    Parameters
    ----------
    methods
        Methods to explain by, such as grad-cam; not given, all that can explain the model.
    target
        The class or label that is explained; not given, the likeliest one of each case.
    """

    methods: Annotated[list[str] | None, Parameter(name=["--methods", "--method"], consume_multiple=True)] = None
    target: str | None = None


@options
class RawData:
    """The raw files of a dataset, and what reads them.

    Parameters
    ----------
    dataset
        Name of the dataset.
    table
        What the columns of the table mean, where the dataset is `table`.
    raw
        Folder of the raw files.
    added
        Folder in it of cases that were confirmed later.
    """

    dataset: str
    table: list[TableSettings | None] = None
    raw: Path
    added: str | None = None


@options
class Question:
    """What a study asks of a pair.

    Parameters
    ----------
    task
        What is asked of a pair: binary, multiclass or multilabel.
    labels
        Names of the classes or labels.
    """

    task: str
    labels: list[str]


@options
class Heading:
    """What stands above tables and figures.

    Parameters
    ----------
    title
        Name of the study.
    notice
        What every table and figure of the study has to say.
    """

    title: str
    notice: str


@options
class AnnotatedFiles:
    """Annotated images, as the stage `annotated` writes them.

    Parameters
    ----------
    annotated_images
        Annotated images.
    annotated_masks
        Their masks.
    annotated_index
        Index of both arrays, with parts.
    """

    annotated_images: Path
    annotated_masks: Path
    annotated_index: Path


@options
class Written:
    """How the table is written, where the guess is not to decide.

    Parameters
    ----------
    encoding
        Its encoding, such as utf-8, cp1251 or gb18030.
    separator
        What stands between fields.
    decimal
        What stands before decimals: . or ,
    thousands
        What stands between thousands, or nothing: --thousands ''
    """

    encoding: str | None = None
    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal["", ",", ".", " ", "'", "’"] | None = None

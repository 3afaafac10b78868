"""Parameters that several stages take together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar, dataclass_transform

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
    """

    dataset: str
    table: list[TableSettings | None] = None
    raw: Path


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

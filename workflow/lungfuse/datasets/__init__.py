"""Datasets: one module each, found by its name in a study's `dataset` setting.

A dataset module turns a folder of raw files into tables and image files; nothing after it knows the dataset.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, get_args

import pandas as pd

from lungfuse import registry
from lungfuse.archive import Member
from lungfuse.errors import UserError
from lungfuse.settings.base import UNKNOWN, Known
from lungfuse.tables.ingest import SECTIONS

if TYPE_CHECKING:
    from lungfuse.settings.table import TableSettings


@dataclass(frozen=True)
class Download:
    """A raw file to be had from the net. `sha256` and `bytes` are those of the published file, where known."""

    url: str
    page: str
    sha256: str | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Source:
    """Where a dataset is from, for the data card; `biases` are what to know before believing a result on it."""

    name: str
    page: str
    citation: str
    licence: str
    biases: tuple[str, ...]


@dataclass(frozen=True)
class Number:
    """A structured column of numbers, in a unit; `known` says when its values are, see `lungfuse.models.times`.

    One for `audit` describes how the data were acquired, not the patient: audits read it, and no model.
    """

    unit: str
    audit: bool = False
    known: Known = UNKNOWN


@dataclass(frozen=True)
class Category:
    """A structured column of words; for `audit` and `known` see `Number`."""

    audit: bool = False
    known: Known = UNKNOWN


@dataclass(frozen=True)
class Collection:
    """What a dataset holds, as tables of `Reports`, `Views`, `Rejected` and `Values` (see `lungfuse.tables.ingest`).

    `values` has the dataset's structured columns as strings, empty where missing; a report that it lacks has none.
    """

    reports: pd.DataFrame
    views: pd.DataFrame
    rejected: pd.DataFrame
    values: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Annotation:
    """An image and the files of its mask: one, one a lung, or none when nobody has annotated it."""

    patient: str
    site: str
    image: Member
    masks: list[Member]


class Dataset(Protocol):
    """What every module of this package offers.

    `SOURCE` says where the dataset is from. `REPORT_FILES` and `IMAGE_FILES` name files or folders in the raw folder;
    `DOWNLOADS` says where some come from. `SITES` names the hospitals or other sources by
    their mark in the collection; it is empty when they are not known.

    Where it depends on what there is in the raw folder which files are read, a module offers `report_files(raw)` and
    `image_files(raw)`, which give their names in place of these constants. `VALUE_FILES` names those of the structured
    values that a study without these can do without.

    A module may offer `COLUMNS`, its structured columns by name, each a `Number` or a `Category`; and `SECTIONS`, the
    sections that its reports have beside the four that every table of reports has; and `SECTIONS_KNOWN`, when each of
    its sections is written: before_image, with_report or after_outcome. `VIEWS` names the views of its images, where
    they are known.
    """

    SOURCE: Source
    REPORT_FILES: list[str]
    IMAGE_FILES: list[str]
    DOWNLOADS: dict[str, Download]
    SITES: dict[str, str]

    def read_reports(self, raw: Path) -> Collection:
        """Read reports, the images they name and the views of these; reports in the order of the collection."""
        ...

    def read_images(self, raw: Path) -> Iterator[Member]:
        """Yield the encoded images; the stem of a member is its image id."""
        ...


class MaskDataset(Dataset, Protocol):
    """A dataset with masks, of lungs or of lesions.

    `MASK_FILES` names the files or folders in the raw folder that annotated images and their masks are read from.
    """

    MASK_FILES: list[str]

    def read_annotations(self, raw: Path) -> Iterator[Annotation]:
        """Yield every image with its masks; the stem of an image member is its image id."""
        ...


def load_dataset(name: str, table: "TableSettings | None" = None) -> Dataset:
    """The dataset called `name`: a module or, where a study says in `table` what columns mean, what it makes of that.

    Raises:
        UserError: there is none, or it cannot be imported.
    """
    if name not in dataset_names():
        raise UserError(f"dataset: found {name!r}, expected one of {', '.join(dataset_names())}.")
    module = registry.load(__name__, name)
    return cast(Dataset, module if table is None else module.MappedTable(table))


def load_mask_dataset(name: str, table: "TableSettings | None" = None) -> MaskDataset:
    """The dataset with masks called `name`; `table` as in `load_dataset`."""
    return cast(MaskDataset, load_dataset(name, table if name == "table" else None))


def report_files(dataset: Dataset, raw: Path, with_values: bool = False) -> list[str]:
    """The files or folders in the raw folder that reports are read from, and with structured values their own."""
    found = dataset.report_files(raw) if hasattr(dataset, "report_files") else dataset.REPORT_FILES
    return list(dict.fromkeys([*found, *(getattr(dataset, "VALUE_FILES", []) if with_values else [])]))


def image_files(dataset: Dataset, raw: Path) -> list[str]:
    """The files or folders in the raw folder that hold the images."""
    return dataset.image_files(raw) if hasattr(dataset, "image_files") else dataset.IMAGE_FILES


def columns_of(dataset: Dataset) -> dict[str, Number | Category]:
    """The structured columns of a dataset."""
    return getattr(dataset, "COLUMNS", {})


def audit_columns_of(dataset: Dataset) -> list[str]:
    """The names of those of its structured columns that no model may read."""
    return [name for name, column in columns_of(dataset).items() if getattr(column, "audit", False)]


def known_of(dataset: Dataset) -> dict[str, str]:
    """When each input of a case is known, by `<modality> <section or column>`.

    Raises:
        UserError: a module declares a time that there is not.
    """
    found = {f"text {name}": known for name, known in getattr(dataset, "SECTIONS_KNOWN", {}).items()}
    found |= {f"structured {name}": column.known for name, column in columns_of(dataset).items()}
    for name, known in found.items():
        if known not in get_args(Known):
            raise UserError(
                f"{place_of(dataset, '<dataset>')}: {name}: known: found {known!r}, expected one of "
                f"{', '.join(get_args(Known))}."
            )
    return found


def views_of(dataset: Dataset) -> list[str]:
    """The views of its images, or none where they are not known."""
    return getattr(dataset, "VIEWS", [])


def own_sections_of(dataset: Dataset) -> list[str]:
    """The sections of a dataset beside those that every table of reports has."""
    return [section for section in getattr(dataset, "SECTIONS", []) if section not in SECTIONS]


def dataset_names() -> list[str]:
    """The names of all datasets."""
    return [name.replace("-", "_") for name in registry.names(__name__)]


def dataset_module(name: str) -> str:
    """The module of a dataset."""
    return registry.module_of(__name__, name)


def place_of(dataset: Dataset, name: str) -> str:
    """Where what a dataset declares is said."""
    return getattr(dataset, "PLACE", f"lungfuse/datasets/{name}.py")


def mask_datasets() -> list[str]:
    """The names of the datasets with masks; none is imported, so that a broken one harms no other."""
    return [name for name in dataset_names() if re.search(rb"^ *(self\.)?MASK_FILES\b", _file(name).read_bytes(), re.M)]


def _file(name: str) -> Path:
    return registry.file_of(dataset_module(name))

"""Datasets: one module each, found by its name in a study's `adapter` setting.

An adapter turns a folder of raw files into tables and image files; nothing after it knows the dataset.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import pandas as pd

from lungfuse.archive import Member


@dataclass(frozen=True)
class Download:
    """A raw file to be had from the net. `sha256` and `bytes` are those of the published file, where known."""

    url: str
    page: str
    sha256: str | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Collection:
    """What a dataset holds, as tables of `Reports`, `Views` and `Rejected` (see `lungfuse.tables`)."""

    reports: pd.DataFrame
    views: pd.DataFrame
    rejected: pd.DataFrame


class Adapter(Protocol):
    """What every module of this package offers.

    `REPORT_FILES` and `IMAGE_FILES` name files or folders in the raw folder; `DOWNLOADS` says where some come from.
    `SITES` names the hospitals by their mark in the collection; it is empty when they are not known.
    """

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


def load_adapter(name: str) -> Adapter:
    """The adapter module called `name`."""
    return cast(Adapter, importlib.import_module(f"{__name__}.{name}"))

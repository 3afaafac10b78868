"""Cases that were confirmed after a study was made, which it reads beside its own raw files.

They lie in a folder of the study's raw folder: a table of cases, their images, and the folds that the study had before,
which its own cases keep.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pandas as pd

from lungfuse.archive import Member
from lungfuse.datasets import Collection, Dataset, columns_of, image_files, own_sections_of, report_files
from lungfuse.errors import UserError
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import SECTIONS, AddedCases

CASES, IMAGES = "cases.csv", "images"
KEPT = {"kept_folds": "folds.csv", "kept_validation": "validation.csv"}  # the tables `Folds` and `Validation`
TEXT, VALUE = "text.", "value."  # before the names of sections and of structured columns


class WithAddedCases:
    """A dataset with the cases of a folder behind its own; see `lungfuse.datasets.Dataset`."""

    def __init__(self, own: Dataset, folder: str) -> None:
        self.own, self.folder = own, folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def report_files(self, raw: Path) -> list[str]:
        return [*report_files(self.own, raw), f"{self.folder}/{CASES}"]

    def image_files(self, raw: Path) -> list[str]:
        return [*image_files(self.own, raw), f"{self.folder}/{IMAGES}"]

    def read_reports(self, raw: Path) -> Collection:
        """The dataset's own tables, and the added cases behind them.

        Raises:
            UserError: the table of added cases is damaged, has a column that the dataset has not, or a case that is in
                the dataset.
        """
        own, path = self.own.read_reports(raw), raw / self.folder / CASES
        cases = read_added(path)
        self._check(cases, own, path)
        reports = pd.DataFrame("", index=cases.index, columns=own.reports.columns)
        plain = [name for name in ["report_id", "patient", "major"] if name in reports]
        reports[plain] = cases[plain]
        shown = cases[cases["image_id"] != ""]
        views = shown[["image_id", "report_id", "view"]]
        values = pd.DataFrame({"report_id": cases["report_id"]})
        for name in cases:
            if name.startswith(TEXT):
                reports[name.removeprefix(TEXT)] = cases[name]
            elif name.startswith(VALUE):
                values[name.removeprefix(VALUE)] = cases[name]
        return Collection(
            pd.concat([own.reports, reports], ignore_index=True),
            pd.concat([own.views, views], ignore_index=True).fillna(""),
            own.rejected,
            pd.concat([own.values, values], ignore_index=True).fillna(""),
        )

    def read_images(self, raw: Path) -> Iterator[Member]:
        """Yield the dataset's own images, then those of the added cases."""
        yield from self.own.read_images(raw)
        for path in sorted((raw / self.folder / IMAGES).glob("*.png")):
            yield Member(path.name, path.read_bytes())

    def _check(self, cases: pd.DataFrame, own: Collection, path: Path) -> None:
        known = {f"{TEXT}{name}" for name in [*SECTIONS, *own_sections_of(self.own)]}
        known |= {f"{VALUE}{name}" for name in columns_of(self.own)}
        given = {name for name in cases if name.startswith((TEXT, VALUE))}
        if unknown := sorted(given - known):
            raise UserError(f"{path}: found the column {unknown[0]}, expected some of {', '.join(sorted(known))}.")
        if twice := sorted(set(cases["report_id"]) & set(own.reports["report_id"])):
            raise UserError(f"{path}: found the case {twice[0]}, which is in the dataset. Give it another name.")


def with_added(dataset: Dataset, folder: str | None) -> Dataset:
    """A dataset with the added cases of a folder of its raw folder, or as it is where no folder is named."""
    return dataset if folder is None else cast(Dataset, WithAddedCases(dataset, folder))


def read_added(path: Path) -> pd.DataFrame:
    """The table `AddedCases` with its texts and values, empty where a case lacks them.

    Raises:
        UserError: it is missing or damaged.
    """
    return read_table(path, AddedCases)


def write_added(cases: pd.DataFrame, path: Path) -> None:
    """Write the table `AddedCases` with its texts and values."""
    own = [name for name in cases if name.startswith((TEXT, VALUE))]
    write_table(cases, path, AddedCases, others=own)

"""The demo: synthetic X-rays and reports in the files of OpenI, with what is known of each patient beside them."""

from pathlib import Path

from pandera.typing import Series

from lungfuse.datasets import Category, Collection, Download, Number, openi
from lungfuse.datasets.openi import IMAGE_FILES, SECTIONS_KNOWN, SITES, SOURCE, read_images
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Values

__all__ = ["IMAGE_FILES", "SECTIONS_KNOWN", "SITES", "SOURCE", "read_images"]

PATIENTS = "patients.csv"

VIEWS = openi.VIEWS
REPORT_FILES = [*openi.REPORT_FILES, PATIENTS]
DOWNLOADS: dict[str, Download] = {}
COLUMNS = {
    "age": Number("years", known="before_image"),
    "sex": Category(known="before_image"),
    "crp": Number("mg/L", known="before_image"),
}


class Patients(Values):
    """The table of patients: years, F or M, and C-reactive protein in mg/L; empty where not known."""

    age: Series[str]
    sex: Series[str]
    crp: Series[str]


def read_reports(raw: Path) -> Collection:
    """Read the reports of `raw` as those of OpenI, and its table of patients.

    Raises:
        UserError: a file is missing or corrupt, or a table lacks a column.
    """
    found = openi.read_reports(raw)
    return Collection(found.reports, found.views, found.rejected, read_table(raw / PATIENTS, Patients))

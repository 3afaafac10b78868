"""Raw reports to a table of reports and a table of the images they name."""

from pathlib import Path

import pandas as pd

from lungfuse.adapters import load_adapter
from lungfuse.files import unchanged
from lungfuse.ingest.download import compare_with_published
from lungfuse.paths import raw_files
from lungfuse.tables.base import Table, checked, columns, write_table
from lungfuse.tables.ingest import Rejected, Reports, Views, rejected_table


def main(*, adapter: str, raw: Path, reports: Path, views: Path, rejected_reports: Path) -> None:
    """Read the reports of a dataset.

    Parameters
    ----------
    adapter
        Name of the dataset's adapter.
    raw
        Folder of the raw files.
    reports
        Output: one row a report.
    views
        Output: one row an image that a report names, with its view.
    rejected_reports
        Output: what could not be used and why.
    """
    source = load_adapter(adapter)
    with unchanged(lambda: raw_files(raw, source.REPORT_FILES)):
        collection = source.read_reports(raw)
        unpublished = compare_with_published(adapter, raw, source.REPORT_FILES)
        found = with_patients(_from_adapter(collection.reports, Reports, adapter))
        found_views = _from_adapter(collection.views, Views, adapter)
        rejected = _from_adapter(collection.rejected, Rejected, adapter)
        rejected = pd.concat([rejected_table(unpublished), rejected], ignore_index=True)
        write_table(found, reports, Reports)
        write_table(found_views, views, Views)
        write_table(rejected, rejected_reports, Rejected)
    if unknown := {*found, *found_views} - {*columns(Reports), *columns(Views)}:
        print(f"columns of the adapter that no table has, so they are left out: {', '.join(sorted(unknown))}")
    print(f"{len(found):,} reports, {len(found_views):,} images, {len(rejected)} rejected")


def with_patients(reports: pd.DataFrame) -> pd.DataFrame:
    """A report that names no patient is one of a patient of its own, called as the report is."""
    unnamed = reports["patient"].str.strip() == ""
    if unnamed.any():
        print(f"{unnamed.sum():,} of {len(reports):,} reports name no patient: each is taken for a patient of its own")
    return reports.assign(patient=reports["patient"].mask(unnamed, reports["report_id"]))


def _from_adapter(frame: pd.DataFrame, table: type[Table], adapter: str) -> pd.DataFrame:
    source = f"adapter {adapter}, the table {table.__name__} of read_reports"
    return checked(frame, table, source, f"Mend lungfuse/adapters/{adapter}.py or the raw files.")

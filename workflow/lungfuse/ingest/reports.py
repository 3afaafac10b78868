"""Raw reports to a table of reports and a table of the images they name."""

from pathlib import Path

import pandas as pd

from lungfuse.adapters import load_adapter
from lungfuse.files import unchanged
from lungfuse.ingest.download import compare_with_published
from lungfuse.paths import raw_files
from lungfuse.tables import Rejected, Reports, Table, Views, checked, columns, rejected_table, write_table


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
        tables = {Reports: collection.reports, Views: collection.views, Rejected: collection.rejected}
        tables = {table: _from_adapter(frame, table, adapter) for table, frame in tables.items()}
        tables[Reports] = with_patients(tables[Reports])
        tables[Rejected] = pd.concat([rejected_table(unpublished), tables[Rejected]], ignore_index=True)
        for table, path in [(Reports, reports), (Views, views), (Rejected, rejected_reports)]:
            write_table(tables[table], path, table)
    known = {name for table in tables for name in columns(table)}
    if unknown := sorted({*collection.reports, *collection.views, *collection.rejected} - known):
        print(f"columns of the adapter that no table has, so they are left out: {', '.join(map(str, unknown))}")
    counts = [f"{len(tables[table]):,} {name}" for table, name in [(Reports, "reports"), (Views, "images")]]
    print(f"{', '.join(counts)}, {len(tables[Rejected])} rejected")


def with_patients(reports: pd.DataFrame) -> pd.DataFrame:
    """A report that names no patient is one of a patient of its own, called as the report is."""
    unnamed = reports["patient"].str.strip() == ""
    if unnamed.any():
        print(f"{unnamed.sum():,} of {len(reports):,} reports name no patient: each is taken for a patient of its own")
    return reports.assign(patient=reports["patient"].mask(unnamed, reports["report_id"]))


def _from_adapter(frame: pd.DataFrame, table: type[Table], adapter: str) -> pd.DataFrame:
    source = f"adapter {adapter}, the table {table.__name__} of read_reports"
    return checked(frame, table, source, f"Mend lungfuse/adapters/{adapter}.py or the raw files.")

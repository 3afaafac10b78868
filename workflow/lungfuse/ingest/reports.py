"""Raw reports to a table of reports and a table of the images they name."""

from pathlib import Path

from lungfuse.adapters import load_adapter
from lungfuse.tables import Rejected, Reports, Views, write_table


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
    collection = load_adapter(adapter).read_reports(raw)
    write_table(collection.reports, reports, Reports)
    write_table(collection.views, views, Views)
    write_table(collection.rejected, rejected_reports, Rejected)
    print(f"{len(collection.reports):,} reports, {len(collection.views):,} images, {len(collection.rejected)} rejected")

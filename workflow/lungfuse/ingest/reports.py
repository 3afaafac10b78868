"""Raw reports to a table of reports and a table of the images they name."""

from pathlib import Path

import pandas as pd

from lungfuse.adapters import load_adapter
from lungfuse.ingest.download import compare_with_published
from lungfuse.tables import Rejected, Reports, Views, rejected_table, write_table


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
    collection = source.read_reports(raw)
    unpublished = compare_with_published(adapter, raw, source.REPORT_FILES)
    rejected = pd.concat([rejected_table(unpublished), collection.rejected], ignore_index=True)
    write_table(collection.reports, reports, Reports)
    write_table(collection.views, views, Views)
    write_table(rejected, rejected_reports, Rejected)
    print(f"{len(collection.reports):,} reports, {len(collection.views):,} images, {len(rejected)} rejected")

"""Raw reports to a table of reports, one of the images they name, and one of the structured values beside them."""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pandera.typing import Series

from lungfuse.added_cases import with_added
from lungfuse.datasets import (
    Category,
    Number,
    audit_columns_of,
    columns_of,
    load_dataset,
    own_sections_of,
    place_of,
    report_files,
)
from lungfuse.errors import UserError
from lungfuse.files import raw_files, unchanged
from lungfuse.ingest.download import compare_with_published
from lungfuse.parameters import RawData, options
from lungfuse.settings.base import SECTION
from lungfuse.tables.base import Table, checked, columns, write_table
from lungfuse.tables.ingest import Columns, Pairs, Rejected, Reports, Values, Views, rejected_table
from lungfuse.vocabulary import TAKEN_START

MOST = 1e30  # of a value, so that networks, which have 32 bits, can hold it with its scale
OPTIONAL = ["date", "apart", "own_split"]  # columns of a table of reports


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    reports
        Output: one row a report.
    views
        Output: one row an image that a report names, with its view.
    values
        Output: the structured values of each report.
    value_columns
        Output: the kinds and units of the structured columns.
    rejected_reports
        Output: what could not be used and why.
    audited
        Output: the values of the columns that no model may read; needed where the dataset has some.
    """

    reports: Path
    views: Path
    values: Path
    value_columns: Path
    rejected_reports: Path
    audited: Path | None = None


def main(
    *,
    data: RawData,
    outputs: Outputs,
) -> None:
    """Read the reports of a dataset.

    Parameters
    ----------
    data
        The raw files, and what reads them.
    outputs
        What is written.
    """
    source = with_added(load_dataset(data.dataset, data.table), data.added)
    own, declared, for_audits = own_sections_of(source), columns_of(source), audit_columns_of(source)
    read = {name: column for name, column in declared.items() if name not in for_audits}
    made = DatasetTables(data.dataset, place_of(source, data.dataset))
    check_declared(own, declared, made.place)
    files = report_files(source, data.raw)
    with unchanged(lambda: raw_files(data.raw, files)):
        collection = source.read_reports(data.raw)
        unpublished = compare_with_published(data.dataset, source, data.raw, files)
        found = with_patients(made.checked(collection.reports, _with_columns(Reports, own)))
        found_views = made.checked(collection.views, Views)
        found_values = values_of(collection.values, found["report_id"], declared, made)
        rejected = made.checked(collection.rejected, Rejected)
        rejected = pd.concat([rejected_table(unpublished), rejected], ignore_index=True)
        write_table(found, outputs.reports, Reports, others=own)
        write_table(found_views, outputs.views, Views)
        write_table(found_values, outputs.values, Values, others=read)
        if for_audits:
            write_table(found_values, outputs.audited, Values, others=for_audits)
        write_table(column_table(read), outputs.value_columns, Columns)
        write_table(rejected, outputs.rejected_reports, Rejected)
    known = {*columns(Reports, OPTIONAL), *columns(Views), *own, *columns(Values), *declared}
    if unknown := {*found, *found_views, *collection.values} - known:
        print(f"columns of the dataset that no table has, so they are left out: {', '.join(sorted(unknown))}")
    print(f"{len(found):,} reports, {len(found_views):,} images, {len(rejected)} rejected")


@dataclass(frozen=True)
class DatasetTables:
    """Tables that a dataset module has made; `place` is where to fix them."""

    dataset: str
    place: str

    def checked(self, frame: pd.DataFrame, table: type[Table]) -> pd.DataFrame:
        """A table with its types."""
        return checked(frame, table, self.named(table), self.remedy)

    def named(self, table: type[Table]) -> str:
        """What a table is called in messages."""
        return f"dataset {self.dataset}, the table {table.__name__} of read_reports"

    @property
    def remedy(self) -> str:
        return f"Fix {self.place} or the raw files."


def check_declared(sections: list[str], declared: dict[str, Number | Category], place: str) -> None:
    """Raise UserError when a section or column of a dataset module has a name that it cannot have, or is of no kind."""
    taken = taken_names()
    for what, names in [("SECTIONS", sections), ("COLUMNS", declared)]:
        for name in names:
            if not re.fullmatch(SECTION, name) or name.startswith(TAKEN_START) or name in taken:
                raise UserError(
                    f"{place}: {what}: found {name!r}, expected small letters, digits and _ after a letter, no "
                    f"label_ at the beginning, and none of {', '.join(sorted(taken))}. Give it another name."
                )
    for name, column in declared.items():
        if not isinstance(column, Number | Category):
            raise UserError(
                f'{place}: COLUMNS: {name}: found {column!r}, expected Number("<unit>") or Category() of '
                "lungfuse.datasets."
            )


def taken_names() -> set[str]:
    """The names that no section or structured column can have, since other columns have them."""
    return {*columns(Reports, OPTIONAL), *columns(Pairs), "part"}


def values_of(
    found: pd.DataFrame, report_ids: pd.Series, declared: dict[str, Number | Category], made: DatasetTables
) -> pd.DataFrame:
    """The table `Values` with the declared columns, in the order of the reports; NaN counts as missing.

    Raises:
        UserError: a column is missing, a report has two rows, or a value of a number column is no number.
    """
    if not declared:
        return report_ids.to_frame()
    found = found.astype(object).where(found.notna(), "")
    table = made.checked(found, _with_columns(Values, list(declared)))
    table = table.set_index("report_id")[list(declared)].apply(lambda values: values.str.strip())
    for name, column in declared.items():
        if isinstance(column, Number):
            _check_numbers(table[name], column, made)
    return table.reindex(report_ids, fill_value="").rename_axis("report_id").reset_index()


def column_table(declared: dict[str, Number | Category]) -> pd.DataFrame:
    """The table `Columns` of a dataset module's declared columns."""
    rows = [
        (name, type(column).__name__.lower(), column.unit if isinstance(column, Number) else "")
        for name, column in declared.items()
    ]
    return pd.DataFrame(rows, columns=columns(Columns), dtype=str)


def with_patients(reports: pd.DataFrame) -> pd.DataFrame:
    """A report that names no patient is one of a patient of its own, called as the report is."""
    unnamed = reports["patient"].str.strip() == ""
    if unnamed.any():
        print(f"{unnamed.sum():,} of {len(reports):,} reports name no patient: each is taken for a patient of its own")
    return reports.assign(patient=reports["patient"].mask(unnamed, reports["report_id"]))


def _check_numbers(values: pd.Series, column: Number, made: DatasetTables) -> None:
    """Raise UserError when a value is neither empty nor a number; `values` are indexed by the ids of their reports."""
    numbers = pd.to_numeric(values.mask(values == ""), errors="coerce")
    wrong = values[(values != "") & ~(numbers.abs() <= MOST)]
    if len(wrong):
        unit = f" in {column.unit}" if column.unit else ""
        raise UserError(
            f"{made.named(Values)}: column {values.name}, report {wrong.index[0]}: found {wrong.iloc[0]!r}, "
            f"expected a number{unit} of at most {MOST:.0e}, or nothing where it is missing ({len(wrong)} values in "
            f"all). {made.remedy}"
        )


def _with_columns(table: type[Table], names: list[str]) -> type[Table]:
    """A table with further columns of text."""
    return type(table.__name__, (table,), {"__annotations__": dict.fromkeys(names, Series[str])})

"""Any table of cases with the images that it names; what its columns mean is said in `table` of the study."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pandas as pd

from lungfuse.archive import Member
from lungfuse.cell_forms import number_of, written_in_one_way
from lungfuse.datasets import Annotation, Category, Collection, Download, Number, Source
from lungfuse.datasets._table_images import image_headings, images_of, known_views, named_images, with_views
from lungfuse.errors import UserError
from lungfuse.image_lookup import ImageFile, ImageFiles, without_suffix
from lungfuse.redaction import without_sentences
from lungfuse.settings.table import FirstRow, ReadColumn, TableFormat, TableSettings, TableText
from lungfuse.sheets import read_sheet
from lungfuse.tables.ingest import SECTIONS, rejected_table

MAX_IMAGE_BYTES = 256 << 20
SHOWN = 8
NUMBERED_ROWS = ["row", "line", "row-of-table-", "line-of-table-"]  # before the number of a case without a name


class MappedTable:
    """A table of cases by the mapping of a study; offers what `lungfuse.datasets.Dataset` says."""

    PLACE = "`table` of the study in params.yaml"
    DOWNLOADS: ClassVar[dict[str, Download]] = {}

    def __init__(self, table: TableSettings) -> None:
        self.table = table
        source = table.source
        self.SOURCE = Source(
            name=source.name or f"The table {table.file}",
            page=source.page,
            citation=source.citation or "Not published",
            licence=source.licence or "not stated",
            biases=tuple(source.biases),
        )
        self.left_out: dict[str, int] = {}  # rows that the mapping leaves out, by the reason, once they are read
        self.named_again: set[str] = set()  # reports that name only images that another row names, once they are read
        self.REPORT_FILES = [table.file]
        self.IMAGE_FILES = list(table.images)
        self.MASK_FILES = [table.file, *table.images, *table.masks]
        self.SITES = {table.site: table.site} if table.site else {}
        self.SECTIONS = list(table.texts)
        self.SECTIONS_KNOWN = {name: text.known for name, text in sections_of(table).items()}
        self.VIEWS = known_views(table)
        self.COLUMNS = {
            name: Number(column.unit, known=column.known) if column.kind == "number" else Category(known=column.known)
            for name, column in table.columns.items()
        }

    def read_reports(self, raw: Path) -> Collection:
        """A report a row of the table, in its order, with the images that it names.

        Rejected are rows whose case comes twice, unless rows of a case are joined, and images that several rows name:
        the first keeps it.

        Raises:
            UserError: the table cannot be read, lacks a column of the mapping, or no row has the words of `rows`.
        """
        sheet, rejected = self._read(raw), []
        images = images_of(sheet, self.table, rejected)
        sheet = sheet.assign(report_id=self._case_ids(sheet, images))
        again = named_images(sheet, self.table).index.difference(images.index)
        self.named_again = {*sheet["report_id"][again]}
        images = images.assign(report_id=sheet["report_id"].reindex(images.index))
        views = with_views(images, sheet, self.table).drop(columns="cell")
        if self.table.case_rows:
            sheet = sheet[~sheet["report_id"].duplicated()]
        else:
            sheet = self._without_repeated_cases(sheet, rejected)
            views = views[views.index.isin(sheet.index)]
        reports = pd.DataFrame({"report_id": sheet["report_id"], "major": "", "automatic": ""})
        reports = reports.assign(**{name: self._texts(sheet, name) for name in [*SECTIONS, *self.SECTIONS]})
        reports = reports.assign(patient=self._patients(sheet), site=self._column(sheet, self.table.site))
        if self.table.date:
            reports = reports.assign(date=sheet[self.table.date])
        if self.table.own_split:
            reports = reports.assign(own_split=sheet[self.table.own_split])
        if self.table.group_by:
            reports = reports.assign(apart=_marks(sheet, self.table.group_by))
        columns = {name: read_column(sheet[column.column], column) for name, column in self.table.columns.items()}
        values = pd.DataFrame({"report_id": sheet["report_id"]} | columns)
        return Collection(reports, views, rejected_table(rejected), values)

    def read_images(self, raw: Path) -> Iterator[Member]:
        """Yield the images that rows name, under their ids; one that cannot be found or read comes with its problem."""
        images, named, found = self._named_images(raw)
        for image_id, cell in named.items():
            if isinstance(found[cell], str):
                yield Member(image_id, b"", found[cell])
        files = {found[cell]: image_id for image_id, cell in named.items() if isinstance(found[cell], ImageFile)}
        ordered = [file for file in images.files if file in files]
        for file, member in zip(ordered, images.read(ordered, MAX_IMAGE_BYTES), strict=True):
            yield Member(member.name, member.data, member.problem, files[file])

    def read_annotations(self, raw: Path) -> Iterator[Annotation]:
        """Yield the images with the masks that are called after them.

        Their patient is that of the row or, where the table has none, what keeps rows together; their site is the name
        of the source where the table has none.
        """
        sheet = self._read(raw)
        found = images_of(sheet, self.table, [])
        sheet = sheet.loc[found.index].set_axis(found["image_id"])
        apart = self._patients(sheet) if self.table.patient else _marks(sheet, self.table.group_by)
        apart = apart.mask(apart == "", sheet.index.to_series())
        sites = self._column(sheet, self.table.site).replace("", self.SOURCE.name)
        called = found.set_index("image_id")["cell"].map(without_suffix) + self.table.mask_suffix
        masks = ImageFiles(raw, self.table.masks)
        found = masks.find(called)
        for image in self.read_images(raw):
            file = found[called[image.stem]]
            files = masks.read([file], MAX_IMAGE_BYTES) if isinstance(file, ImageFile) else []
            yield Annotation(apart[image.stem], sites[image.stem], image, list(files))

    def found_images(self, raw: Path) -> set[str]:
        """The ids of the images that rows name and that are there."""
        _, named, found = self._named_images(raw)
        return {image_id for image_id, cell in named.items() if isinstance(found[cell], ImageFile)}

    def _named_images(self, raw: Path) -> tuple[ImageFiles, dict[str, str], dict[str, ImageFile | str]]:
        """All images, the cell of each image id, and the file of each cell or what is wrong with it."""
        found = images_of(self._read(raw), self.table, [])
        named = dict(zip(found["image_id"], found["cell"], strict=True))
        images = ImageFiles(raw, self.table.images)
        return images, named, images.find(named.values())

    def _read(self, raw: Path) -> pd.DataFrame:
        """The rows of the table that the mapping keeps, numbered as in the file from 1, words without spaces around."""
        table, path = self.table, raw / self.table.file
        sheet = read_formatted(path, table)
        if missing := [name for name in headings_of(table) if name not in sheet]:
            raise UserError(
                f"{path}: no column {', '.join(map(repr, missing))}; found {', '.join(map(repr, sheet))}. Fix "
                f"{self.PLACE}; case counts."
            )
        sheet = sheet[headings_of(table)]
        sheet.index = pd.RangeIndex(1, len(sheet) + 1)
        self.left_out = {}
        for column, words in table.rows.items():
            kept = sheet[sheet[column].isin(words)]
            if kept.empty:
                counts = sheet[column].value_counts().iloc[:SHOWN]
                found = ", ".join(f"{word!r} ({count:,})" for word, count in counts.items())
                raise UserError(
                    f"{path}: table.rows: no row has {' or '.join(map(repr, words))} in {column!r}; found {found}. "
                    "Case counts."
                )
            print(f"{len(kept):,} of {len(sheet):,} rows have {' or '.join(words)} in {column}")
            self.left_out[f"have another word in {column} than {' or '.join(words)}"] = len(sheet) - len(kept)
            sheet = kept
        if table.first is None:
            return sheet
        kept = _first_rows(sheet, table.first)
        self.left_out[f"are not the first of their {table.first.of}"] = len(sheet) - len(kept)
        return kept

    def _patients(self, sheet: pd.DataFrame) -> pd.Series:
        """The patient of each row, empty where unknown."""
        cells, pattern = self._column(sheet, self.table.patient), self.table.patient_pattern
        if pattern:
            found = {cell: re.search(pattern, cell) for cell in cells.unique()}
            cells = cells.map({cell: each[each.re.groups and 1] if each else "" for cell, each in found.items()})
        return cells.map(written_in_one_way) if self.table.same_numbers else cells

    def _column(self, sheet: pd.DataFrame, name: str | None) -> pd.Series:
        return sheet[name] if name else pd.Series("", index=sheet.index)

    def _case_ids(self, sheet: pd.DataFrame, images: pd.DataFrame) -> pd.Series:
        """What each row is called."""
        first = images["image_id"][~images.index.duplicated()].reindex(sheet.index, fill_value="")
        ids = sheet[self.table.case] if self.table.case else first
        word = next(word for word in NUMBERED_ROWS if not ids.str.match(rf"{word}\d+$").any())
        numbers = pd.Series([f"{word}{number}" for number in sheet.index], index=sheet.index, dtype=str)
        return ids.mask(ids == "", numbers)

    def _without_repeated_cases(self, sheet: pd.DataFrame, rejected: list) -> pd.DataFrame:
        repeated = sheet["report_id"].duplicated()
        for case, count in sheet["report_id"][repeated].value_counts(sort=False).items():
            rejected.append(
                ("report", case, f"comes {count + 1} times in {_in_column(self.table.case)}; the first is used")
            )
        if repeated.any():
            self.left_out[f"come again in {_in_column(self.table.case)}"] = int(repeated.sum())
        return sheet[~repeated]

    def _texts(self, sheet: pd.DataFrame, section: str) -> pd.Series:
        text = sections_of(self.table).get(section)
        found = self._column(sheet, text and text.column).str.split().str.join(" ")
        return without_sentences(found, text.redact_terms) if text and text.redact_terms else found


def _in_column(name: str | None) -> str:
    return f"the column {name}" if name else "the table"


def read_column(cells: pd.Series, column: ReadColumn) -> pd.Series:
    """The cells of a structured column as plain numbers or words, empty where missing."""
    known = cells.mask(cells.isin(column.missing), "")
    return known.map(number_of(column.form)) if column.form != "plain" else known


def read_formatted(path: Path, table: TableFormat) -> pd.DataFrame:
    """The cells of a table that is written so, as text without spaces around; words for missing values are empty."""
    sheet = read_sheet(path, table.separator, table.encoding, table.decimal, table.thousands)
    return sheet.mask(sheet.isin(table.missing), "")


def _first_rows(sheet: pd.DataFrame, first: FirstRow) -> pd.DataFrame:
    """The first row of each value in a column, in the order of the table."""
    ordered = sheet
    if first.by is not None:
        numbers = pd.to_numeric(sheet[first.by], errors="coerce")
        ordered = sheet.loc[numbers.sort_values(kind="stable", na_position="last").index]
    kept = ordered[~ordered[first.of].duplicated() | (ordered[first.of] == "")].sort_index()
    print(f"{len(kept):,} of {len(sheet):,} rows are the first of their {first.of}")
    return kept


def _marks(sheet: pd.DataFrame, columns: list[str]) -> pd.Series:
    """What keeps rows together: `<column> <value>` of each column that is not empty, joined by '; '."""
    joined = pd.Series("", index=sheet.index)
    for column in columns:
        mark = (f"{column} " + sheet[column].str.replace(";", ",")).mask(sheet[column] == "", "")
        joined += ("; " + mark).where((joined != "") & (mark != ""), mark)
    return joined


def sections_of(table: TableSettings) -> dict[str, TableText]:
    """The sections of text of a table by name."""
    return {name: TableText(column=text) if isinstance(text, str) else text for name, text in table.texts.items()}


def headings_of(table: TableSettings) -> list[str]:
    """The columns of a table that are read."""
    single = [table.case, table.patient, table.site, table.date, table.view, table.own_split]
    several = [
        *image_headings(table),
        *table.rows,
        *table.group_by,
        *(text.column for text in sections_of(table).values()),
    ]
    several += [each.column for each in table.columns.values()]
    if table.first is not None:
        single += [table.first.of, table.first.by]
    return list(dict.fromkeys([*filter(None, single), *several]))

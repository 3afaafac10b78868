"""Where the images are that a table names, when nobody says."""

import os
from pathlib import Path

from lungfuse.image_lookup import SUFFIXES
from lungfuse.sheets import Format, read_sheet

LOOKED_AT = 200
LEAST = 0.3  # of the rows


def places_named_in(table: Path, form: Format) -> list[Path]:
    """The folder of the images that a column names by paths that lead to them, from here or from the table; or none."""
    sheet = read_sheet(table, *form)
    for column in sheet:
        cells = [cell for cell in sheet[column].iloc[:LOOKED_AT] if Path(cell).suffix.lower() in SUFFIXES]
        for start in [table.parent, Path()]:
            found = [start / cell for cell in cells if (start / cell).is_file()]
            if len(found) >= max(1, len(cells) / 2, LEAST * len(sheet.iloc[:LOOKED_AT])):
                return [Path(os.path.commonpath([path.absolute().parent for path in found]))]
    return []

"""The images that the rows of a table name."""

import pandas as pd

from lungfuse.image_lookup import path_of, without_suffix
from lungfuse.settings.table import TableReading, TableSettings
from lungfuse.tables.ingest import ANY_VIEW

SHOWN = 8


def images_of(sheet: pd.DataFrame, table: TableSettings, rejected: list) -> pd.DataFrame:
    """One row an image that a row of the table names, by whose number it is indexed, in the order of the rows.

    `cell` is what the row says of it, `view` the column that it stands in, where there are several, and `image_id` what
    it is called: by its name where no other has it, else by its path. An image that several rows name is of the first
    of them; the others are `rejected`.
    """
    found = named_images(sheet, table)
    ids = image_ids(found["cell"])
    repeated = ids[ids.duplicated(keep=False)]
    for image_id, rows in repeated.groupby(repeated, sort=False).groups.items():
        shown = ", ".join(map(str, rows[:SHOWN]))
        rejected.append(("image", image_id, f"is named by {len(rows)} rows, {shown}; the first is used"))
    return found.assign(image_id=ids)[~ids.duplicated().to_numpy()]


def image_ids(cells: pd.Series) -> pd.Series:
    """What the images that cells name are called."""
    paths = cells.map(path_of).str.strip("/")
    bare = paths.map(without_suffix)
    spelled = [bare.str.split("/").str[-1], bare.str.replace("/", "__"), paths.str.replace("/", "__")]
    return next((each for each in spelled if each.nunique() == paths.nunique()), spelled[-1])


def image_cells(cells: pd.Series, between: str | None) -> pd.Series:
    """The images that each cell names, one or several, without spaces and brackets around."""
    if between is None:
        return cells
    parts = cells.str.strip("[]").str.split(between, regex=False).explode().str.strip(" '\"")
    return parts.fillna("")


def image_headings(table: TableSettings) -> list[str]:
    """The columns that name images."""
    if isinstance(table.image, dict):
        return list(table.image.values())
    return [table.image] if table.image else []


def with_views(images: pd.DataFrame, sheet: pd.DataFrame, table: TableSettings | TableReading) -> pd.DataFrame:
    """The images with the `view` of each, and `projection`, the table's own word of it, where that differs.

    Where nothing says the views of several images of a case, `report_id`, they are numbered from 1.
    """
    if isinstance(table.image, dict):
        return images
    if table.view:
        words = sheet[table.view].reindex(images.index)
        meaning = {word: view for view, own in (table.views or {}).items() for word in own}
        images = images.assign(view=words.map(lambda word: meaning.get(word, word)))
        return images.assign(projection=words) if table.views else images
    if table.image_between or table.case_rows:
        return images.assign(view=(images.groupby("report_id").cumcount() + 1).astype(str))
    return images.assign(view=ANY_VIEW)


def known_views(table: TableSettings) -> list[str]:
    """The views that images have, where the mapping says them."""
    if isinstance(table.image, dict):
        return list(table.image)
    return [] if table.view or table.image_between or table.case_rows else [ANY_VIEW]


def named_images(sheet: pd.DataFrame, table: TableSettings | TableReading) -> pd.DataFrame:
    """The images that each row names, by its number; `view` is that of the column, where there are several."""
    places = table.image if isinstance(table.image, dict) else {"": table.image}
    found = []
    for place, heading in places.items():
        cells = image_cells(sheet[heading], table.image_between) if heading else pd.Series("", sheet.index)
        found.append(pd.DataFrame({"cell": cells, "view": place}))
    named = pd.concat(found)
    return named[named["cell"] != ""].sort_index(kind="stable")

"""Cases with several images, a place each, such as both views of a chest."""

import pandas as pd

from lungfuse.ingest.funnel import Steps
from lungfuse.tables.ingest import image_column


def by_report(views: pd.DataFrame, places: list[str], steps: Steps) -> pd.DataFrame:
    """One row a report with an image of some of the views `places`: a column image_at_<place> each, empty where it has
    none, and the first of these as `image_id`. Of several images of a view the first is taken."""
    first = views.drop_duplicates(["report_id", "view"])
    steps.add("first images of each view", first)
    wide = first.pivot(index="report_id", columns="view", values="image_id").fillna("")
    wide = wide.reindex(columns=places, fill_value="")
    wide = wide.loc[list(dict.fromkeys(first["report_id"]))].rename(columns=image_column)
    image_ids = wide.mask(wide == "").bfill(axis=1).iloc[:, 0]
    return wide.assign(image_id=image_ids).rename_axis(columns=None).reset_index()


def image_columns(pairs: pd.DataFrame) -> list[str]:
    """The columns of pairs that name images: one, or one for each place."""
    return [name for name in pairs if name.startswith(image_column(""))] or ["image_id"]


def ids_of(pairs: pd.DataFrame) -> pd.Series:
    """The ids of all images of pairs, those of each place one after the other."""
    return pd.concat([pairs[name] for name in image_columns(pairs)], ignore_index=True)

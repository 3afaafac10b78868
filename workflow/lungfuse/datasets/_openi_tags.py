"""The DICOM tags of the images of OpenI: age, and for audits alone what describes the device."""

import zlib
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.datasets import Category, Number
from lungfuse.errors import UserError
from lungfuse.tables.base import Table, checked

TAGS, PAGE = "nlmcxr_dicom_metadata.csv.gz", "https://github.com/mlmed/torchxrayvision"
COLUMNS = {
    "age": Number("years", known="before_image"),
    "study_date": Number("years", audit=True),
    "pixel_spacing": Number("mm", audit=True),
    "plate": Category(audit=True),
    "software": Category(audit=True),
    "photometric": Category(audit=True),
    "bits": Category(audit=True),
    "position": Category(audit=True),
}
NAMES = {
    "imageid": "imageid",
    "Patient's Birth Date": "birth",
    "Study Date": "study",
    "Imager Pixel Spacing": "spacing",
    "Plate Type": "plate",
    "Private Creator": "software",
    "Photometric Interpretation": "photometric",
    "Bits Stored": "bits",
    "View Position": "position",
}
YEAR = 365.25  # days


class Tags(Table):
    """The DICOM tags of an image, whose id is spelled as in the Kaggle edition; dates are YYYYMMDD."""

    imageid: Series[str] = pa.Field(unique=True)
    birth: Series[str]
    study: Series[str]
    spacing: Series[str]
    plate: Series[str]
    software: Series[str]
    photometric: Series[str]
    bits: Series[str]
    position: Series[str]


def values_of(path: Path, views: pd.DataFrame) -> pd.DataFrame:
    """The structured values of reports, a table `Values`: those of its first frontal image, or else of its first.

    Without the file none has any. `views` is the table `Views`.

    Raises:
        UserError: the file cannot be read, or lacks a column.
    """
    if not path.exists():
        return pd.DataFrame(columns=["report_id", *COLUMNS])
    names = views["image_id"].str.replace("CXR1_1_", "CXR1_", regex=False)
    images = views.assign(imageid=names, other=views["view"] != "Frontal").sort_values("other", kind="stable")
    tags = images.merge(_read(path), on="imageid").drop_duplicates("report_id")
    born, studied = (pd.to_datetime(tags[name], format="%Y%m%d", errors="coerce") for name in ["birth", "study"])
    return tags.assign(
        age=((studied - born).dt.days / YEAR).round(1),
        study_date=(studied.dt.year + studied.dt.day_of_year / YEAR).round(2),
        pixel_spacing=tags["spacing"].str.extract(r"(\d+\.\d+)")[0],
    )[["report_id", *COLUMNS]]


def _read(path: Path) -> pd.DataFrame:
    try:
        found = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=lambda column: column in NAMES)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UserError(
            f"{path}: cannot be read as packed CSV ({error}). Delete it and get it anew from {PAGE}."
        ) from error
    return checked(found.rename(columns=NAMES), Tags, path)

"""OASIS-1, subjects of 60 years or more: slices of a head with age, sex, education and social status; demented or not.

cases_60plus.csv has a row a session: session, subject, sex, age, education, ses, mmse, dementia. mosaic/ has an image
of four slices each, <session>.png, and coronal/ single slices, <session>_y<mm>.jpg.
"""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pandas as pd
from pandera.typing import Series

from lungfuse.archive import Member, files_of, read_folder
from lungfuse.datasets import Category, Collection, Download, Number, Source
from lungfuse.tables.base import Table, read_table
from lungfuse.tables.ingest import SECTIONS, rejected_table

TABLE = "cases_60plus.csv"
FOLDERS = {"mosaic": "mosaic", "coronal": "coronal"}  # by view

SOURCE = Source(
    name="OASIS-1, cross-sectional MRI of subjects of 60 years or more",
    page="https://sites.wustl.edu/oasisbrains/home/oasis-1/",
    citation="Marcus et al., Open Access Series of Imaging Studies (OASIS): cross-sectional MRI data in young, middle "
    "aged, nondemented, and demented older adults, Journal of Cognitive Neuroscience 19(9), 2007, "
    "https://doi.org/10.1162/jocn.2007.19.9.1498",
    licence="data use agreement of OASIS: not to be shared, no attempt to identify a subject",
    biases=(
        "One site and one scanner; subjects came forward for research, all are right-handed.",
        "Demented is a Clinical Dementia Rating above 0, of whom most are very mild (0.5).",
        "The Mini-Mental State Examination is of the visit that makes the diagnosis, and is nearly it.",
        "Social status is missing more often where subjects are demented, so the gap carries information on the class.",
        "Slices of a subject are alike: split by slice, a model knows the subject.",
    ),
)
REPORT_FILES = [TABLE]
IMAGE_FILES = list(FOLDERS.values())
DOWNLOADS: dict[str, Download] = {}
SITES: dict[str, str] = {}
VIEWS = list(FOLDERS)
COLUMNS = {
    "age": Number("years", known="before_image"),
    "sex": Category(known="before_image"),
    "education": Number("level, 1 to 5", known="before_image"),
    "ses": Number("social status, 1 high to 5 low", known="before_image"),
    "mmse": Number("points of 30", known="after_outcome"),  # of the examination that ends with the diagnosis
}

NAME = re.compile(r"(?P<session>OAS1_\d{4}_MR\d)(?P<slice>_y-?\d+)?")
SUFFIXES = [".png", ".jpg"]
MAX_IMAGE_BYTES = 16 << 20


class Sessions(Table):
    """A row a session; what is not known of a subject is empty."""

    session: Series[str]
    subject: Series[str]
    sex: Series[str]
    age: Series[str]
    education: Series[str]
    ses: Series[str]
    mmse: Series[str]
    dementia: Series[str]


def read_reports(raw: Path) -> Collection:
    """A report a session, without text, with its mosaic and its coronal slices; ordered as in the table.

    Rejected are sessions without a diagnosis or that come twice, and images that are of no session.

    Raises:
        UserError: the table is missing or lacks a column.
    """
    sessions, rejected = read_table(raw / TABLE, Sessions), []
    for name in sessions["session"][sessions["session"].duplicated()]:
        rejected.append(("report", name, "comes twice; the first is used"))
    sessions = sessions.drop_duplicates("session").rename(columns={"session": "report_id"})
    for name in sessions["report_id"][sessions["dementia"] == ""]:
        rejected.append(("report", name, "has no diagnosis"))
    known, views = set(sessions["report_id"]), []
    for view, folder in FOLDERS.items():
        for path in files_of(raw / folder, SUFFIXES):
            found = NAME.fullmatch(path.stem)
            if not found or found["session"] not in known:
                rejected.append(("image", path.stem, f"is of no session in {TABLE}"))
            else:
                views.append({"image_id": path.stem, "report_id": found["session"], "view": view})
    views = pd.DataFrame(views, columns=["image_id", "report_id", "view"])
    reports = sessions.assign(patient=sessions["subject"], major=sessions["dementia"])
    reports = reports.assign(**dict.fromkeys(["site", "automatic", *SECTIONS], ""))
    return Collection(reports, views, rejected_table(rejected), sessions[["report_id", *COLUMNS]])


def read_images(raw: Path) -> Iterator[Member]:
    """Yield the mosaics and the coronal slices; a folder that is not there has none."""
    there = [raw / folder for folder in FOLDERS.values() if (raw / folder).is_dir()]
    return chain.from_iterable(read_folder(folder, SUFFIXES, MAX_IMAGE_BYTES) for folder in there or [raw / "mosaic"])

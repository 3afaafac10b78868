"""The Montgomery County X-ray set in its original layout: left and right lung masks, and a clinical reading each.

138 frontal X-rays, one a patient: 80 normal, 58 tuberculosis (the last digit of the name). MontgomerySet/ holds
CXR_png/MCUCXR_0001_0.png, ManualMask/leftMask/ and ManualMask/rightMask/ with files of the same names, and
ClinicalReadings/MCUCXR_0001_0.txt.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from lungfuse.archive import Member, files_of, read_file, read_folder
from lungfuse.datasets import Annotation, Collection, Download, Source
from lungfuse.errors import UserError
from lungfuse.tables.ingest import SECTIONS, rejected_table

IMAGES, READINGS = "CXR_png", "ClinicalReadings"
LUNGS = ["ManualMask/leftMask", "ManualMask/rightMask"]

SOURCE = Source(
    name="Montgomery County X-ray set",
    page="https://data.lhncbc.nlm.nih.gov/public/Tuberculosis-Chest-X-ray-Datasets/Montgomery-County-CXR-Set/",
    citation="Jaeger et al., Two public chest X-ray datasets for computer-aided screening of pulmonary diseases, "
    "Quantitative Imaging in Medicine and Surgery 4(6), 2014, https://doi.org/10.3978/j.issn.2223-4292.2014.11.20",
    licence="for research",
    biases=(
        "138 patients of one county's tuberculosis screening programme.",
        "A clinical reading states the class.",
        "Large effusions and consolidations are often left out of the lung masks, so disease changes a mask's shape.",
    ),
)
REPORT_FILES = [IMAGES, READINGS]
IMAGE_FILES = [IMAGES]
MASK_FILES = [IMAGES, *LUNGS]
DOWNLOADS: dict[str, Download] = {}
VIEWS = ["Frontal"]
SECTIONS_KNOWN = {"findings": "with_report"}  # the clinical reading
SITES: dict[str, str] = {}
SITE = "Montgomery"

NAME = re.compile(r"(?P<patient>MCUCXR_\d+)_(?P<tuberculosis>[01])")
HEADINGS = {"0": "normal", "1": "Tuberculosis"}
MAX_IMAGE_BYTES = 64 << 20


def read_reports(raw: Path) -> Collection:
    """A report a patient, whose findings are the last lines of the clinical reading; ordered by name.

    Raises:
        UserError: the folder of X-rays is missing or holds none.
    """
    reports, rejected = [], []
    names = [path.stem for path in files_of(raw / IMAGES, ".png")]
    if not names:
        raise UserError(
            f"{raw / IMAGES}: no .png file found; expected X-rays such as MCUCXR_0001_0.png. Put what the folder "
            f"MontgomerySet of {SOURCE.page} holds into {raw}."
        )
    for name in names:
        if found := NAME.fullmatch(name):
            reports.append(
                {
                    "report_id": found["patient"],
                    "major": HEADINGS[found["tuberculosis"]],
                    "site": SITE,
                    "findings": _findings(raw / READINGS / f"{name}.txt"),
                    "image_id": name,
                    "view": "Frontal",
                }
            )
        else:
            rejected.append(("image", name, "is not named like MCUCXR_0001_0"))
    table = pd.DataFrame(reports, columns=["report_id", "major", "site", "findings", "image_id", "view"])
    table = table.assign(
        patient=table["report_id"], automatic="", **{section: "" for section in SECTIONS if section != "findings"}
    )
    return Collection(table, table, rejected_table(rejected))


def read_images(raw: Path) -> Iterator[Member]:
    """Yield the PNG files of the folder of X-rays in `raw`; see `lungfuse.archive.read_folder`."""
    return read_folder(raw / IMAGES, ".png", MAX_IMAGE_BYTES)


def read_annotations(raw: Path) -> Iterator[Annotation]:
    """Yield the X-rays in `raw` with the masks of both lungs; an X-ray of which one is missing has none."""
    for image in read_images(raw):
        if found := NAME.fullmatch(image.stem):
            paths = [raw / folder / image.name for folder in LUNGS]
            whole = all(path.exists() for path in paths)
            masks = [read_file(path, MAX_IMAGE_BYTES) for path in paths] if whole else []
            yield Annotation(found["patient"], SITE, image, masks)


def _findings(reading: Path) -> str:
    """A reading is two lines of sex and age, then what was seen."""
    if not reading.exists():
        return ""
    lines = [line.strip() for line in reading.read_text(encoding="utf-8", errors="replace").splitlines()]
    return " ".join(line for line in lines if line and not line.startswith("Patient's"))

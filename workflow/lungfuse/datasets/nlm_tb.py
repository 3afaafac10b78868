"""The tuberculosis X-ray sets of the National Library of Medicine, in the layout of "Chest Xray Masks and Labels".

Frontal X-rays of two hospitals, one a patient, without reports: CXR_png/CHNCXR_0001_0.png is from Shenzhen No. 3
People's Hospital, CXR_png/MCUCXR_0001_0.png from Montgomery County; the last digit is 1 for tuberculosis. Of 800, 704
have a lung mask and are in this layout: 359 normal, 345 tuberculosis.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from lungfuse.archive import Member, files_of, read_file, read_folder
from lungfuse.datasets import Annotation, Collection, Download, Source
from lungfuse.errors import UserError
from lungfuse.tables.ingest import SECTIONS, rejected_table

IMAGES, MASKS = "CXR_png", "masks"

SOURCE = Source(
    name="Chest Xray Masks and Labels: the tuberculosis sets of Shenzhen and Montgomery County",
    page="https://www.kaggle.com/datasets/nikhilpandey360/chest-xray-masks-and-labels",
    citation="Jaeger et al., Two public chest X-ray datasets for computer-aided screening of pulmonary diseases, "
    "Quantitative Imaging in Medicine and Surgery 4(6), 2014, https://doi.org/10.3978/j.issn.2223-4292.2014.11.20",
    licence="for research",
    biases=(
        "Two hospitals that differ in patients, devices and share of tuberculosis: the hospital alone carries "
        "information on the class. Read the scores of each hospital.",
        "Only 704 of the 800 X-rays, those with a lung mask.",
        "Tuberculosis was read or confirmed in a screening programme and a hospital; there is little other disease.",
        "Large effusions and consolidations are often left out of the lung masks, so disease changes a mask's shape.",
        "There are no reports.",
    ),
)
REPORT_FILES = [IMAGES]
IMAGE_FILES = [IMAGES]
MASK_FILES = [IMAGES, MASKS]
DOWNLOADS: dict[str, Download] = {}
VIEWS = ["Frontal"]
SITES = {"CHNCXR": "Shenzhen", "MCUCXR": "Montgomery"}

NAME = re.compile(r"(?P<patient>(?P<set>CHNCXR|MCUCXR)_\d+)_(?P<tuberculosis>[01])")
HEADINGS = {"0": "normal", "1": "Tuberculosis"}
MAX_IMAGE_BYTES = 64 << 20


def read_reports(raw: Path) -> Collection:
    """A report a patient, without text, from the names of the X-rays in the folder `raw`; ordered by name.

    An image with another name, and a second one of a patient, are in the rejected table.

    Raises:
        UserError: the folder of X-rays is missing or holds none.
    """
    reports, rejected = {}, []
    names = [path.stem for path in files_of(raw / IMAGES, ".png")]
    if not names:
        raise UserError(
            f"{raw / IMAGES}: no .png file found; expected X-rays such as CHNCXR_0001_0.png. Put the folders CXR_png "
            f"and masks of {SOURCE.page} into {raw}."
        )
    for name in names:
        found = NAME.fullmatch(name)
        if not found:
            rejected.append(("image", name, "is not named like CHNCXR_0001_0 or MCUCXR_0001_0"))
        elif found["patient"] in reports:
            rejected.append(("image", name, f"is a second X-ray of {found['patient']}; the first is used"))
        else:
            reports[found["patient"]] = {
                "report_id": found["patient"],
                "major": HEADINGS[found["tuberculosis"]],
                "site": SITES[found["set"]],
                "image_id": name,
                "view": "Frontal",
            }
    table = pd.DataFrame(reports.values(), columns=["report_id", "major", "site", "image_id", "view"])
    table = table.assign(patient=table["report_id"], automatic="", **dict.fromkeys(SECTIONS, ""))
    return Collection(table, table, rejected_table(rejected))


def read_images(raw: Path) -> Iterator[Member]:
    """Yield the PNG files of the folder of X-rays in `raw`; see `lungfuse.archive.read_folder`."""
    return read_folder(raw / IMAGES, ".png", MAX_IMAGE_BYTES)


def read_annotations(raw: Path) -> Iterator[Annotation]:
    """Yield the X-rays in `raw` with their masks, masks/CHNCXR_0001_0_mask.png or masks/MCUCXR_0001_0.png."""
    for image in read_images(raw):
        found = NAME.fullmatch(image.stem)
        if found:
            masks = [read_file(path, MAX_IMAGE_BYTES) for path in _mask_files(raw, image.stem)]
            yield Annotation(found["patient"], SITES[found["set"]], image, masks)


def _mask_files(raw: Path, name: str) -> list[Path]:
    paths = [raw / MASKS / f"{name}{end}.png" for end in ["_mask", ""]]
    return [path for path in paths if path.exists()][:1]

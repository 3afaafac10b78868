"""The "Brain Tumor MRI Dataset" of Kaggle: slices in folders of four classes, below Training/ and Testing/.

Training/glioma/Tr-gl_0010.jpg and so on, in brain-tumor-mri-dataset.zip as the site's client saves it, in archive.zip
as a browser does, or unpacked. There are no patients, though one gave many slices: see `filter.group_by`.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from lungfuse.archive import Member
from lungfuse.datasets import Category, Collection, Download, Source
from lungfuse.errors import UserError
from lungfuse.image_lookup import ImageFile, ImageFiles, without_suffix
from lungfuse.tables.ingest import SECTIONS, rejected_table

ARCHIVES = ["brain-tumor-mri-dataset.zip", "archive.zip"]
SPLIT = {"Training": "train", "Testing": "test"}
CLASSES = ["glioma", "meningioma", "notumor", "pituitary"]

SOURCE = Source(
    name="Brain Tumor MRI Dataset",
    page="https://www.kaggle.com/datasets/masoudnickparvar/brain-tumor-mri-dataset",
    citation="Nickparvar, Brain Tumor MRI Dataset, Kaggle, 2021, https://doi.org/10.34740/kaggle/dsv/2645886",
    licence="CC0 as its page states; it joins three collections, of which that of Cheng, "
    "https://doi.org/10.6084/m9.figshare.1512427, is CC BY 4.0",
    biases=(
        "Patients are not named, and one gave many slices: only images that look alike can be kept in one fold, so "
        "scores are still too good where slices of a patient look different.",
        "Its own split deals slices: most of Testing look like a slice of Training.",
        "Three collections with other scanners, planes and weightings; most without a tumour are of one of them, so a "
        "model may recognise the collection and not the tumour.",
        "One slice each, chosen by someone who knew of the tumour.",
    ),
)
REPORT_FILES = [ARCHIVES[0]]
IMAGE_FILES = [ARCHIVES[0]]
DOWNLOADS: dict[str, Download] = {}
SITES: dict[str, str] = {}
VIEWS = ["slice"]
COLUMNS = {"published_split": Category(audit=True)}

MAX_IMAGE_BYTES = 64 << 20


def report_files(raw: Path) -> list[str]:
    """The archive, or both folders where it was unpacked."""
    there = [name for name in ARCHIVES if (raw / name).exists()]
    folders = [name for name in SPLIT if (raw / name).is_dir()]
    return there[:1] or folders or REPORT_FILES


image_files = report_files


def read_reports(raw: Path) -> Collection:
    """A report a slice, with its class and the side of the published split; ordered by path.

    Rejected are images in another folder, and the second of a name.

    Raises:
        UserError: the raw folder holds neither archive nor folders, or none of the classes.
    """
    found, rejected = {}, []
    for file in _images(raw).files:
        side, label, name = _parts(raw, file)
        if side not in SPLIT or label not in CLASSES:
            rejected.append(("image", f"{side}/{label}/{name}", f"is in none of the folders {', '.join(CLASSES)}"))
        elif name in found:
            rejected.append(("image", name, "has the name of an image before; the first is used"))
        else:
            found[name] = {"report_id": name, "image_id": name, "major": label, "published_split": SPLIT[side]}
    if not found:
        raise UserError(
            f"{raw}: no image found in Training/ or Testing/ and a folder {', '.join(CLASSES)}. Put {ARCHIVES[0]} of "
            f"{SOURCE.page} there, or what it holds."
        )
    table = pd.DataFrame(found.values()).assign(view=VIEWS[0], patient="", site="", automatic="")
    table = table.assign(**dict.fromkeys(SECTIONS, ""))
    return Collection(table, table, rejected_table(rejected), table[["report_id", *COLUMNS]])


def read_images(raw: Path) -> Iterator[Member]:
    """Yield the images of the four classes, of a name the first."""
    images, seen = _images(raw), {}
    for file in images.files:
        side, label, name = _parts(raw, file)
        if side in SPLIT and label in CLASSES:
            seen.setdefault(name, file)
    for name, member in zip(seen, images.read(seen.values(), MAX_IMAGE_BYTES), strict=True):
        yield Member(member.name, member.data, member.problem, name)


def _images(raw: Path) -> ImageFiles:
    try:
        return ImageFiles(raw, report_files(raw))
    except UserError as error:
        raise UserError(f"{error} {ARCHIVES[0]} can be had from {SOURCE.page}.") from error


def _parts(raw: Path, file: ImageFile) -> tuple[str, str, str]:
    """The folder of the split, that of the class, and the name of an image without its suffix."""
    parts = ["", "", *Path(file.name or file.path.relative_to(raw)).parts]
    return parts[-3], parts[-2], without_suffix(parts[-1])

"""Annotated images to two arrays on disk, images and masks, split by patient."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.model_selection import train_test_split

from lungfuse.archive import Member
from lungfuse.datasets import Annotation, load_mask_dataset
from lungfuse.errors import UserError
from lungfuse.files import atomic_array, raw_files, unchanged
from lungfuse.imaging.decode import DECODE_ERRORS, decode, fit_square, open_image
from lungfuse.parameters import options
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.segmentation import AnnotatedSettings
from lungfuse.settings.table import TableSettings
from lungfuse.tables.base import columns, write_table
from lungfuse.tables.ingest import Rejected, rejected_table
from lungfuse.tables.segmentation import AnnotatedIndex


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    annotated_images
        Output: uint8 of shape (image, height, width), 0 black to 255 white, .npy.
    annotated_masks
        Output: bool of the same shape, true in what is marked, .npy.
    annotated_index
        Output: the row of each image in the arrays, its patient, site and part.
    rejected_annotations
        Output: images and masks that cannot be used.
    """

    annotated_images: Path
    annotated_masks: Path
    annotated_index: Path
    rejected_annotations: Path


def main(
    *,
    annotated: AnnotatedSettings,
    table: TableSettings | None = None,
    annotated_raw: Path,
    seed: int,
    rejected_share: float,
    outputs: Outputs,
) -> None:
    """Decode annotated images with their masks, and split them by patient.

    Parameters
    ----------
    annotated
        Dataset, size and parts of the annotated images.
    table
        What the columns of the table mean, where the dataset is `table`.
    annotated_raw
        Folder of the raw images and masks.
    seed
        Seed of the split.
    rejected_share
        Stop when more of the images than this share cannot be used.
    outputs
        What is written.
    """
    found, rejected = [], []
    source = load_mask_dataset(annotated.dataset, table)
    shape = (annotated.image_size, annotated.image_size)
    fit = ImageSettings(image_size=annotated.image_size, fit=annotated.fit)
    with (
        unchanged(lambda: raw_files(annotated_raw, source.MASK_FILES)),
        atomic_array(outputs.annotated_images, np.uint8, shape) as append_image,
        atomic_array(outputs.annotated_masks, np.bool_, shape) as append_mask,
    ):
        for annotation in source.read_annotations(annotated_raw):
            try:
                pixels, mask = read_annotation(annotation, fit)
            except ValueError as problem:
                rejected.append(("image", annotation.image.stem, str(problem)))
                continue
            append_image(pixels)
            append_mask(mask)
            known = {"image_id": annotation.image.stem, "patient": annotation.patient, "site": annotation.site}
            found.append({"row": len(found)} | known)
        _stop_if_too_many(len(found), rejected, rejected_share, annotated_raw)
        index = pd.DataFrame(found, columns=[name for name in columns(AnnotatedIndex) if name != "part"])
        index["part"] = split_parts(index, annotated.test, annotated.validation, seed)
        write_table(rejected_table(rejected), outputs.rejected_annotations, Rejected)
        write_table(index, outputs.annotated_index, AnnotatedIndex)
    print(f"{len(index):,} annotated images, {len(rejected)} rejected")
    print(index.groupby(["site", "part"]).size().to_string())


def read_annotation(annotation: Annotation, settings: ImageSettings) -> tuple[np.ndarray, np.ndarray]:
    """Pixels, uint8, and mask, bool, both (image_size, image_size), of an annotated image.

    Raises:
        ValueError: says why it cannot be used.
    """
    if annotation.image.problem:
        raise ValueError(annotation.image.problem)
    if not annotation.masks:
        raise ValueError("has no mask")
    try:
        pixels, size = decode(annotation.image.data, settings)
    except DECODE_ERRORS as error:
        raise ValueError(f"cannot be decoded ({error})") from error
    marked = np.any([_read_mask(mask, size) for mask in annotation.masks], axis=0)
    fitted = fit_square(Image.fromarray(marked.astype(np.uint8) * 255), settings)
    return pixels, np.asarray(fitted) > 127


def _read_mask(member: Member, size: tuple[int, int]) -> np.ndarray:
    """A mask file as bool (height, width): true where it is brighter than half of its brightest sample.

    A mask of the image's shape in more or fewer pixels is brought to its size, (width, height).
    """
    if member.problem:
        raise ValueError(f"its mask {member.name} {member.problem}")
    try:
        with open_image(member.data) as image:
            samples = np.asarray(image.convert("L"))
    except DECODE_ERRORS as error:
        raise ValueError(f"its mask {member.name} cannot be decoded ({error})") from error
    found = samples.shape[::-1]
    if abs(found[0] * size[1] - found[1] * size[0]) > max(found):  # by more than a pixel
        of_mask, of_image = (f"{width} x {height}" for width, height in [found, size])
        raise ValueError(f"its mask {member.name} has {of_mask} pixels, expected the shape of the image's {of_image}")
    if not samples.any():
        raise ValueError(f"its mask {member.name} is black: nothing is marked")
    if (samples > samples.max() // 2).all():
        raise ValueError(f"its mask {member.name} marks the whole image")
    marked = Image.fromarray(samples > samples.max() // 2)
    return np.asarray(marked if found == size else marked.resize(size, Image.Resampling.NEAREST))


def split_parts(index: pd.DataFrame, test: float, validation: float, seed: int) -> pd.Series:
    """Train, validation or test for each row of an index, by patient and stratified by site.

    Raises:
        UserError: a site has too few patients to be in each part.
    """
    patients = index.drop_duplicates("patient").set_index("patient")["site"]
    try:
        rest, tested = train_test_split(patients, test_size=test, stratify=patients, random_state=seed)
        _, validated = train_test_split(rest, test_size=validation / (1 - test), stratify=rest, random_state=seed)
    except ValueError as error:
        counts = ", ".join(f"{site or 'no site'} {count}" for site, count in patients.value_counts().items())
        raise UserError(
            f"segmentation.annotated: too few patients for parts of test {test:g} and validation {validation:g} in "
            f"each site; found {counts}. Add annotated images, or leave a site out."
        ) from error
    parts = pd.Series("train", index=patients.index)
    parts[tested.index], parts[validated.index] = "test", "validation"
    return index["patient"].map(parts)


def _stop_if_too_many(found: int, rejected: list[tuple[str, str, str]], share: float, raw: Path) -> None:
    total = found + len(rejected)
    if not total:
        raise UserError(f"{raw}: no annotated image found. Put the images and their masks there.")
    if len(rejected) > share * total:
        first = "; ".join(f"{image_id} {reason}" for _, image_id, reason in rejected[:5])
        raise UserError(
            f"{raw}: {len(rejected)} of {total} images have no mask that can be used, more than the {share:.0%} "
            f"allowed (rejected_share): {first}. Fix or replace them."
        )

"""The images of new cases."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lungfuse.modalities.image.arms import ABSENT, ArmImages, arm_images
from lungfuse.modalities.image.inputs import ImageSource
from lungfuse.predict.cases import Column, Part, Setup
from lungfuse.predict.image_files import UnreadableImageError, check_image, read_image, refuse
from lungfuse.settings.ingest import ImageSettings

if TYPE_CHECKING:
    from lungfuse.segment.segmenter import Segmenter


def columns(choice: str, known: list[dict]) -> list[Column]:
    return [Column("image", "image")]


def check(frame: pd.DataFrame, columns: list[Column]) -> None:
    problems = []
    for path in frame["image"][frame["image"] != ""]:
        try:
            check_image(Path(path))
        except UnreadableImageError as problem:
            problems.append(problem)
    refuse(problems)


def read(part: Part, choice: str, setup: Setup) -> ImageSource:
    paths = part.column("image")
    present = (paths != "").to_numpy()
    pixels = part.once(("pixels", setup.images), lambda: read_images(paths[present], setup.images))
    rows = np.where(present, np.cumsum(present) - 1, ABSENT)
    if setup.segmenter is None or not present.any():
        return ImageSource(pixels, rows)
    key = (choice, setup.images, setup.segmenter.resolve(), setup.mask)
    return ImageSource(part.once(key, lambda: _cut_out(part, pixels, choice, setup)), rows)


def read_images(paths: pd.Series, settings: ImageSettings) -> np.ndarray:
    """Decode images: uint8 of shape (image, height, width), or with colours at the end; one black where there is none.

    Raises:
        UserError: names every image that cannot be read.
    """
    pixels, problems = [], []
    for path in paths:
        try:
            pixels.append(read_image(Path(path), settings)[0])
        except UnreadableImageError as problem:
            problems.append(problem)
    refuse(problems)
    square = (settings.image_px, settings.image_px)
    return np.stack(pixels or [np.zeros((*square, 3) if settings.colour else square, np.uint8)])


def _cut_out(part: Part, pixels: np.ndarray, choice: str, setup: Setup) -> np.ndarray | ArmImages:
    masks = np.stack([mask for _, mask in segmenter_in(setup.segmenter.resolve()).masks(pixels, setup.mask)])
    if empty := (~masks.any((1, 2))).sum():
        part.notes["nothing is segmented in the image, so the model sees it black"] += int(empty)
    return arm_images(choice, pixels, masks)


@cache
def segmenter_in(folder: Path) -> "Segmenter":
    """The segmenter in a folder, loaded once."""
    from lungfuse.segment.segmenter import load_segmenter  # brings TensorFlow, which raw images do without

    return load_segmenter(folder)

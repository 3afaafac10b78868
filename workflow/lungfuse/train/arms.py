"""The arms of the images: raw, cut out by lung masks, or the masks alone."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.settings.base import Images


@dataclass(frozen=True)
class ArmImages:
    """The image array as an arm of the study reads it: whole, cut out by lung masks, or the masks alone as images.

    `images` is uint8 and `masks` bool, both (image, height, width).
    """

    images: np.ndarray
    masks: np.ndarray
    mask_only: bool

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """uint8 of shape (rows, height, width); black outside the lungs."""
        return self.masks[rows] * (np.uint8(255) if self.mask_only else self.images[rows])


def arm_images(arm: Images, images: np.ndarray, masks: np.ndarray | None) -> np.ndarray | ArmImages:
    """The images of an arm, to be indexed by rows.

    Raises:
        UserError: the masks are not those of the images.
    """
    if arm == "raw":
        return images
    if masks.shape != images.shape:
        raise UserError(
            f"{arm}: found masks of shape {masks.shape}, expected that of the image array, {images.shape}. "
            "Make the masks again from these images."
        )
    return ArmImages(images, masks, arm.startswith("mask-only"))


def image_rows(pairs: pd.DataFrame, index: pd.DataFrame) -> np.ndarray:
    """The row of each pair's image in the image array, joined by image id.

    Raises:
        UserError: a pair has no image in the array.
    """
    rows = pairs["image_id"].map(index.set_index("image_id")["row"])
    if rows.isna().any():
        absent = pairs["image_id"][rows.isna()]
        raise UserError(
            f"{len(absent)} pairs have no image in the array, {absent.iloc[0]} first. Make the pairs from this array."
        )
    return rows.to_numpy(int)

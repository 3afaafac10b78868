"""The variants of the images: raw, cut out by masks, the masks alone, or the images with these blacked out."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.modalities.image import image_ids
from lungfuse.settings.base import Images

ABSENT = -1  # in place of the row of an image that a pair lacks


@dataclass(frozen=True)
class VariantImages:
    """The image array as a variant of the study reads it: segmented is black outside the masks, background within
    them, and mask-only the masks alone as images.

    `images` is uint8 of shape (image, height, width), or with colours at the end; `masks` is bool of shape
    (image, height, width).
    """

    images: np.ndarray
    masks: np.ndarray
    kind: str

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """uint8 of shape (rows, height, width), or with colours at the end."""
        masks = self.masks[rows]
        if self.kind == "mask-only":
            return masks * np.uint8(255)
        images = self.images[rows]
        masks = ~masks if self.kind == "background" else masks
        return images * (masks if images.ndim == masks.ndim else masks[..., None])


def variant_images(variant: Images, images: np.ndarray, masks: np.ndarray | None) -> np.ndarray | VariantImages:
    """The images of a variant, to be indexed by rows.

    Raises:
        UserError: the masks are not those of the images.
    """
    if variant == "raw":
        return images
    if masks.shape != images.shape[:3]:
        raise UserError(
            f"{variant}: found masks of shape {masks.shape}, expected that of the image array, {images.shape[:3]}. "
            "Make the masks again from these images."
        )
    return VariantImages(images, masks, variant.partition(":")[0])


def image_rows(pairs: pd.DataFrame, index: pd.DataFrame, choice: str = "raw") -> np.ndarray:
    """The row of each pair's image in the image array, joined by image id; `ABSENT` where a pair has none.

    Raises:
        UserError: a pair names an image that is not in the array.
    """
    ids = image_ids(pairs, choice)
    rows = ids.map(index.set_index("image_id")["row"])
    lost = ids[rows.isna() & (ids != "")]
    if len(lost):
        raise UserError(
            f"{len(lost)} pairs have no image in the array, {lost.iloc[0]} first. Make the pairs from this array."
        )
    return rows.fillna(ABSENT).to_numpy(int)

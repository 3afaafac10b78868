"""The tables of segmenters and masks."""

import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.tables.base import Table


class AnnotatedIndex(Table):
    """Where an annotated image lies on axis 0 of both arrays, and the part of the data it belongs to."""

    image_id: Series[str] = pa.Field(unique=True)
    row: Series[int] = pa.Field(ge=0, unique=True)
    patient: Series[str]
    site: Series[str]
    part: Series[str] = pa.Field(isin=["train", "validation", "test"])


class Segmentation(Table):
    """One row a segmenter, held-out source and kind of mask: thresholded, or clean as a study uses it."""

    segmenter: Series[str]
    source: Series[str]
    mask: Series[str] = pa.Field(isin=["thresholded", "clean"])
    n: Series[int]
    dice: Series[float] = pa.Field(ge=0, le=1)
    dice_low: Series[float]
    dice_high: Series[float]
    iou: Series[float] = pa.Field(ge=0, le=1)
    iou_low: Series[float]
    iou_high: Series[float]


class MaskQuality(Table):
    """One row a mask, in the order of the array of masks. `area` is a share of the image.

    `components` are those before cleaning; `asymmetry` is the difference of the sides' areas as a share of both;
    `contrast` is the standard deviation of the image, in grey levels; `suspicious` says why to look at the mask, or is
    empty.
    """

    image_id: Series[str] = pa.Field(unique=True)
    area: Series[float] = pa.Field(ge=0, le=1)
    components: Series[int] = pa.Field(ge=0)
    asymmetry: Series[float] = pa.Field(ge=0, le=1)
    contrast: Series[float] = pa.Field(ge=0)
    suspicious: Series[str]

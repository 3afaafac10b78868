"""The table of the boxes of regions."""

import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.tables.base import Table, with_limits_of


class Regions(Table):
    """One row a segmenter and held-out source: boxes of the clean masks against those of the annotated ones.

    `region` is what they mark, of which an image has `components` at most. `n` are images, `boxes` the annotated ones
    in them. `map50` is the average precision at an intersection over union of .5, `map50_95` its mean over .5, .55 to
    .95, `box_iou` the mean intersection over union of annotated boxes with the found box that overlaps most.
    """

    segmenter: Series[str]
    region: Series[str]
    components: Series[int] = pa.Field(ge=1)
    source: Series[str]
    n: Series[int] = pa.Field(ge=1)
    boxes: Series[int] = pa.Field(ge=0)
    map50: Series[float] = with_limits_of("map50")
    map50_95: Series[float] = with_limits_of("map50_95")
    box_iou: Series[float] = with_limits_of("box_iou")

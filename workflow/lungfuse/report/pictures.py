"""Pictures of pairs: their images with the outline of masks, and what their reports say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lungfuse.files import read_array
from lungfuse.modalities.image.variants import image_rows
from lungfuse.report.style import ORANGE, sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import ImageIndex

WRAP, LINES_OF_TEXT = 84, 5


@dataclass(frozen=True)
class PairImages:
    """Pairs with their images: arrays of images, (image, height, width) grey or (image, height, width, 3) in colour,
    and of masks, and the row of each pair in them, -1 where it has no image."""

    pairs: pd.DataFrame
    images: np.ndarray
    masks: np.ndarray | None
    rows: np.ndarray

    def draw(self, panel: Axes, position: int) -> None:
        """Draw the image of a pair with the outline of its mask."""
        row = self.rows[position]
        if row < 0:
            panel.set_axis_off()
            panel.text(0.5, 0.5, "no image", ha="center", va="center", fontsize="small", transform=panel.transAxes)
            return
        draw_image(panel, self.images[row], None if self.masks is None else self.masks[row])


def draw_image(panel: Axes, pixels: np.ndarray, mask: np.ndarray | None) -> None:
    """An image of grey levels (height, width) or in colour (height, width, 3) with the outline of a mask."""
    panel.set_axis_off()
    panel.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    if mask is not None and mask.any():
        panel.contour(mask, levels=[0.5], colors=ORANGE, linewidths=1)


def read_images(pairs: pd.DataFrame, array: Path, index: Path, masks: Sequence[Path] = ()) -> PairImages:
    """The images of pairs, with the first of some masks."""
    places = read_table(index, ImageIndex)
    images, *outlines = (read_array(path, len(places)) for path in [array, *masks])
    return PairImages(pairs, images, outlines[0] if outlines else None, rows_or_none(pairs, places))


def rows_or_none(pairs: pd.DataFrame, index: pd.DataFrame) -> np.ndarray:
    """The row of each pair's image in the image array, -1 where a pair has none."""
    rows = np.full(len(pairs), -1)
    has = (pairs["image_id"] != "").to_numpy()
    rows[has] = image_rows(pairs[has], index)
    return rows


def draw_pairs(shown: PairImages, positions: list[int], titles: list[str], texts: list[str], above: str) -> Figure:
    """A line a pair: its image, and beside it a title and its text."""
    figure, panels = sheet(above, len(positions), 2, 1.05, width_ratios=[1, 4.8])
    for (left, right), position, title, text in zip(panels, positions, titles, texts, strict=True):
        shown.draw(left, position)
        right.set_axis_off()
        right.set_title(title, fontsize="small", fontweight="bold", y=0.92, va="top")
        lines = wrap(text, WRAP, max_lines=LINES_OF_TEXT, placeholder=" ...")
        right.text(0, 0.78, "\n".join(lines), va="top", fontsize="small", transform=right.transAxes)
    return figure

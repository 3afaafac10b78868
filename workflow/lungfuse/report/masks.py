"""Masks over their images, from the most to the least usual."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lungfuse.files import read_array
from lungfuse.parameters import Heading
from lungfuse.report.pictures import draw_image
from lungfuse.report.style import heading, save, sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import ImageIndex
from lungfuse.tables.segmentation import MaskQuality

MASKS = (  # as `ReportItem`
    "Masks", 2, "Masks",
    "Masks as outlines on their images: the most usual ones by area, symmetry and number of components, those in the "
    "middle, and the least usual ones, with suspicious masks last. The table of their quality has a row per mask: its "
    "share of the image, the number of components before cleaning, how much its sides differ, and why it is "
    "suspicious, if it is. The limits are those under ``suspicious`` in the settings.",
)  # fmt: skip
QUALITY = ("Masks", 3, "Quality of the masks")
SHOWN = 4  # masks in a line


def main(*, study_heading: Heading, array: Path, index: Path, masks: Path, quality: Path, figure: Path) -> None:
    """Draw the most usual, median and least usual masks of a segmenter.

    Parameters
    ----------
    study_heading
        What stands above.
    array
        The image array.
    index
        Index of the image array.
    masks
        Masks of the images.
    quality
        Quality of the masks.
    figure
        Output: SVG.
    """
    places = read_table(index, ImageIndex)
    images, outlines = (read_array(path, len(places)) for path in [array, masks])
    measured = read_table(quality, MaskQuality).merge(places, on="image_id", validate="1:1")
    above = heading(study_heading.title, study_heading.notice)
    save(draw_masks(images, outlines, by_plausibility(measured), above), figure)


def by_plausibility(quality: pd.DataFrame) -> pd.DataFrame:
    """The masks from the most to the least usual: suspicious ones last, then by distance from the median in area,
    asymmetry and components, each in units of its spread."""
    measures = quality[["area", "asymmetry", "components"]].astype(float)
    spread = (measures - measures.median()).abs()
    distance = (spread / spread.mean().replace(0, 1)).sum(axis=1)
    order = pd.DataFrame({"suspicious": quality["suspicious"] != "", "distance": distance})
    return quality.loc[order.sort_values(["suspicious", "distance"], kind="stable").index]


def draw_masks(images: np.ndarray, masks: np.ndarray, ordered: pd.DataFrame, above: str) -> Figure:
    """A line each of the most usual, median and least usual masks of `ordered`."""
    middle = max(0, (len(ordered) - SHOWN) // 2)
    lines = {"most usual": ordered[:SHOWN], "median": ordered[middle : middle + SHOWN], "least usual": ordered[-SHOWN:]}
    figure, axes = sheet(above, len(lines), SHOWN, 1.75)
    for panels, (name, chosen) in zip(axes, lines.items(), strict=True):
        for panel in panels:
            panel.set_axis_off()
        for panel, (_, mask) in zip(panels, chosen.iterrows(), strict=False):
            draw_image(panel, images[mask["row"]], masks[mask["row"]])
            panel.set_title(f"area {mask['area']:.0%}", fontsize="small")
        panels[0].set_title(f"{name}, {panels[0].get_title(loc='left')}", fontsize="small")
    return figure

"""Masks drawn over their images: the least, the median and the most plausible ones of a study."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lungfuse.compare.style import ORANGE, heading, save
from lungfuse.tables import ImageIndex, MaskQuality, read_table

SHOWN = 4


def main(
    *, title: str, notice: str, array: Path, index: Path, masks: Path, quality: Path, overlays_figure: Path
) -> None:
    """Draw masks over their images, from the most to the least usual.

    Parameters
    ----------
    title
        Name of the study.
    notice
        What every figure of the study has to say.
    array
        The image array.
    index
        Index of the image array.
    masks
        Masks of the images.
    quality
        Quality of the masks.
    overlays_figure
        Output: SVG.
    """
    images, lungs = (np.load(path, mmap_mode="r") for path in [array, masks])
    table = read_table(quality, MaskQuality).merge(read_table(index, ImageIndex), on="image_id", validate="1:1")
    save(draw(images, lungs, by_plausibility(table), heading(title, notice)), overlays_figure)


def by_plausibility(quality: pd.DataFrame) -> pd.DataFrame:
    """The masks from the most to the least usual: suspicious ones last, then by distance from the median in area,
    asymmetry and components, each in units of its spread."""
    measures = quality[["area", "asymmetry", "components"]].astype(float)
    spread = (measures - measures.median()).abs()
    distance = (spread / spread.mean().replace(0, 1)).sum(axis=1)
    order = pd.DataFrame({"suspicious": quality["suspicious"] != "", "distance": distance})
    return quality.loc[order.sort_values(["suspicious", "distance"], kind="stable").index]


def draw(images: np.ndarray, masks: np.ndarray, ordered: pd.DataFrame, above: str) -> Figure:
    """A line each of the best, median and worst masks of `ordered`."""
    middle = max(0, (len(ordered) - SHOWN) // 2)
    lines = {"most usual": ordered[:SHOWN], "median": ordered[middle : middle + SHOWN], "least usual": ordered[-SHOWN:]}
    figure, axes = plt.subplots(len(lines), SHOWN, figsize=(6.5, 5.5), layout="constrained", squeeze=False)
    for panels, (name, chosen) in zip(axes, lines.items(), strict=True):
        for panel in panels:
            panel.set_axis_off()
        for panel, (_, mask) in zip(panels, chosen.iterrows(), strict=False):
            panel.imshow(images[mask["row"]], cmap="gray", vmin=0, vmax=255)
            panel.contour(masks[mask["row"]], levels=[0.5], colors=ORANGE, linewidths=1)
            panel.set_title(f"area {mask['area']:.0%}", fontsize="small")
        panels[0].set_title(f"{name}, {panels[0].get_title()}", fontsize="small", loc="left")
        panels[0].set_title("")
    figure.suptitle(above, x=0.01, ha="left", fontsize="large")
    return figure

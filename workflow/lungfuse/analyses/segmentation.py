"""The scores of the segmenters as a figure; the stage `segmentation-scores` makes their table."""

from pathlib import Path

from matplotlib.figure import Figure

from lungfuse.report.forest import LINE, forest
from lungfuse.report.style import GREEN, sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import limits, with_limits
from lungfuse.tables.segmentation import Segmentation

TITLE, SECTION, ORDER = "Segmenters", "Masks", 1
CAPTION = (
    "Dice and intersection over union of each segmenter on held-out patients of each site: means over patients, with "
    "intervals by bootstrap. The figure shows clean masks, as the study uses them: the largest components with holes "
    "filled. The table has thresholded ones too, where the probability is above one half."
)
WANTED = ["study.segmentation.segmenters"]
READS = ["segmentation_table"]
SETTINGS = []


def draw(segmentation_table: Path, above: str) -> Figure:
    """The table `Segmentation`: Dice on held-out patients, of masks as a study uses them."""
    segmentation = read_table(segmentation_table, Segmentation)
    clean = segmentation[segmentation["mask"] == "clean"]
    figure, ((axes,),) = sheet(above, 1, 1, LINE * len(clean) + 0.6)
    names = [f"{row.segmenter}, {row.source} ({row.n} patients)" for row in clean.itertuples()]
    dice = limits(clean, "dice")
    forest(axes, names, dice, [GREEN] * len(clean), with_limits(dice))
    axes.set_xlabel("Dice, mean over patients")
    return figure

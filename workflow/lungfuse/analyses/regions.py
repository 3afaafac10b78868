"""The boxes of the segmenters' regions as a figure; the stage `segmentation-scores` makes their table."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lungfuse.report.forest import LINE, forest
from lungfuse.report.style import BLUE, GREEN, sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import limits, with_limits
from lungfuse.tables.regions import Regions

TITLE, SECTION, ORDER = "Boxes", "Masks", 2
CAPTION = (
    "Boxes of the regions that each segmenter marks in held-out images, against those of the annotated masks: mAP50 is "
    "the average precision of boxes that overlap an annotated one by half (intersection over union), mAP50-95 its mean "
    "over overlaps of .5 to .95, as COCO defines both. Boxes are ranked by the mean probability within; intervals are "
    "over patients. The table also has the mean intersection over union."
)
WANTED = ["study.segmentation.segmenters"]
READS = ["region_table"]
SETTINGS = []
SHOWN = {"map50": ("mAP50", GREEN), "map50_95": ("mAP50-95", BLUE)}


def draw(region_table: Path, above: str) -> Figure:
    """The table `Regions`: average precision of boxes on held-out patients."""
    regions = read_table(region_table, Regions)
    of = [f"{row.segmenter}, {row.source} ({row.boxes} boxes)" for row in regions.itertuples()]
    names = [f"{name}, {title}" for title, _ in SHOWN.values() for name in of]
    scores = pd.concat([limits(regions, metric) for metric in SHOWN])
    figure, ((axes,),) = sheet(above, 1, 1, LINE * len(scores) + 0.6)
    forest(axes, names, scores, [colour for _, colour in SHOWN.values() for _ in of], with_limits(scores))
    axes.set_xlabel("average precision of boxes")
    return figure

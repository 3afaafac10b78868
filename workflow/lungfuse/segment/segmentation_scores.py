"""Dice and IoU of the segmenters on annotated images that none of them has learned from."""

from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.files import read_array
from lungfuse.parameters import AnnotatedFiles
from lungfuse.segment.segmenter import Segmenter, load_segmenter
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.segmentation import MaskSettings
from lungfuse.statistics.bootstrap import interval_of
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.segmentation import AnnotatedIndex, Segmentation


def main(
    *,
    mask: MaskSettings,
    intervals: Intervals,
    seed: int,
    segmenters: list[Path],
    annotated: AnnotatedFiles,
    segmentation_table: Path,
) -> None:
    """Score segmenters on the test patients of each site.

    Parameters
    ----------
    mask
        How probabilities become masks.
    intervals
        Settings of the intervals.
    seed
        Seed of the resampling.
    segmenters
        Folders of the trained segmenters.
    annotated
        Annotated X-rays.
    segmentation_table
        Output: a row a segmenter, site and kind of mask.
    """
    index = read_table(annotated.annotated_index, AnnotatedIndex)
    images, masks = (read_array(path, len(index)) for path in [annotated.annotated_images, annotated.annotated_masks])
    rows = []
    for folder in segmenters:
        segmenter = load_segmenter(folder)
        for source, tested in index[index["part"] == "test"].groupby("site"):
            found = overlaps(segmenter, images[tested["row"]], masks[tested["row"]], mask)
            for kind, scores in found.groupby("mask", sort=False):
                row = {"segmenter": folder.name, "source": source, "mask": kind, "n": len(scores)}
                for metric in ["dice", "iou"]:
                    row |= mean_with_interval(metric, scores[metric].to_numpy(), intervals, seed)
                rows.append(row)
    table = pd.DataFrame(rows)
    write_table(table, segmentation_table, Segmentation)
    print(table.to_string(index=False))


def overlaps(segmenter: Segmenter, images: np.ndarray, masks: np.ndarray, settings: MaskSettings) -> pd.DataFrame:
    """Dice and IoU with `masks` of the thresholded and the clean mask of each image: columns mask, dice, iou."""
    rows = []
    for (probability, cleaned), true in zip(segmenter.masks(images, settings), masks, strict=True):
        for kind, found in [("thresholded", probability > settings.threshold), ("clean", cleaned)]:
            rows.append([kind, *overlap(found, true)])
    return pd.DataFrame(rows, columns=["mask", "dice", "iou"])


def overlap(mask: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Dice and intersection over union of two bool masks; both are 1 where both masks are empty."""
    shared, both = np.count_nonzero(mask & true), np.count_nonzero(mask) + np.count_nonzero(true)
    return (2 * shared / both, shared / (both - shared)) if both else (1.0, 1.0)


def mean_with_interval(metric: str, values: np.ndarray, settings: Intervals, seed: int) -> dict[str, float]:
    """The mean over patients with its percentile bootstrap interval, under the column names of `metric`."""
    low = high = float(values.mean())
    if len(values) > 1:

        def mean(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
            return values[drawn].mean(axis=axis)

        count = len(values)
        low, high = interval_of(mean, [count], count, settings.confidence, settings.resamples, seed)
    scores = {metric: float(values.mean()), f"{metric}_low": float(low), f"{metric}_high": float(high)}
    return {name: round(value, 4) for name, value in scores.items()}

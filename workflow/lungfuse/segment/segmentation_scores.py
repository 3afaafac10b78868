"""Dice, IoU and boxes of the segmenters on annotated images that none of them has learned from."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lungfuse.files import read_array
from lungfuse.parameters import AnnotatedFiles, options
from lungfuse.processor import keep_freed_memory
from lungfuse.segment.box_scores import BoxScores
from lungfuse.segment.boxes import boxes_of, confidences_of
from lungfuse.segment.clean import largest
from lungfuse.segment.keras_engine import limit_threads
from lungfuse.segment.segmenter import Segmenter, load_segmenter
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.segmentation import MaskSettings
from lungfuse.statistics.bootstrap import interval_of, limits_of, times_drawn
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.regions import Regions
from lungfuse.tables.segmentation import AnnotatedIndex, Segmentation


class Scored(NamedTuple):
    """What a segmenter finds in images: columns mask, dice, iou, two rows an image; and boxes."""

    overlaps: pd.DataFrame
    boxes: BoxScores


@options
class Tables:
    """What is written.

    Parameters
    ----------
    segmentation_table
        Output: a row a segmenter, site and kind of mask.
    region_table
        Output: a row a segmenter and site: boxes against those of the annotated masks.
    """

    segmentation_table: Path
    region_table: Path


def main(
    *,
    mask: MaskSettings,
    region: str,
    intervals: Intervals,
    seed: int,
    segmenters: list[Path],
    annotated: AnnotatedFiles,
    tables: Tables,
    threads: int = 1,
) -> None:
    """Score segmenters on the test patients of each site.

    Parameters
    ----------
    mask
        How probabilities become masks.
    region
        What is marked in the annotated images.
    intervals
        Settings of the intervals.
    seed
        Seed of the resampling.
    segmenters
        Folders of the trained segmenters.
    annotated
        Annotated X-rays.
    tables
        What is written.
    threads
        Processor threads.
    """
    keep_freed_memory()
    limit_threads(threads)
    index = read_table(annotated.annotated_index, AnnotatedIndex)
    images, masks = (read_array(path, len(index)) for path in [annotated.annotated_images, annotated.annotated_masks])
    rows, regions = [], []
    for folder in segmenters:
        segmenter = load_segmenter(folder)
        for source, tested in index[index["part"] == "test"].groupby("site"):
            scored = score(segmenter, images[tested["row"]], masks[tested["row"]], mask)
            patients = tested["patient"].to_numpy()
            for kind, scores in scored.overlaps.groupby("mask", sort=False):
                row = {"segmenter": folder.name, "source": source, "mask": kind, "n": len(scores)}
                for metric in ["dice", "iou"]:
                    row |= mean_with_interval(metric, scores[metric].to_numpy(), patients, intervals, seed)
                rows.append(row)
            named = {"segmenter": folder.name, "region": region, "components": mask.components, "source": source}
            regions.append(named | score_boxes(scored.boxes, patients, intervals, seed))
    for records, path, table in [
        (rows, tables.segmentation_table, Segmentation),
        (regions, tables.region_table, Regions),
    ]:
        write_table(pd.DataFrame(records), path, table)
        print(pd.DataFrame(records).to_string(index=False))


def score(segmenter: Segmenter, images: np.ndarray, masks: np.ndarray, settings: MaskSettings) -> Scored:
    """The thresholded and the clean mask of each image against `masks`, and the boxes of the clean one against those of
    as many components of the true one."""
    rows, boxes = [], []
    for (probability, cleaned), true in zip(segmenter.masks(images, settings), masks, strict=True):
        for kind, found in [("thresholded", probability > settings.threshold), ("clean", cleaned)]:
            rows.append([kind, *overlap(found, true)])
        true_boxes = boxes_of(largest(true, settings.components))
        boxes.append((true_boxes, boxes_of(cleaned), confidences_of(cleaned, probability)))
    return Scored(pd.DataFrame(rows, columns=["mask", "dice", "iou"]), BoxScores(*zip(*boxes, strict=True)))


def overlap(mask: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Dice and intersection over union of two bool masks; both are 1 where both masks are empty."""
    shared, both = np.count_nonzero(mask & true), np.count_nonzero(mask) + np.count_nonzero(true)
    return (2 * shared / both, shared / (both - shared)) if both else (1.0, 1.0)


def mean_with_interval(
    metric: str, values: np.ndarray, patients: np.ndarray, settings: Intervals, seed: int
) -> dict[str, float]:
    """The mean with its percentile bootstrap interval over patients, under the column names of `metric`.

    `values` and the `patients` they are of have shape (row,).
    """
    _, patient_of_row = np.unique(patients, return_inverse=True)
    sums, sizes = np.bincount(patient_of_row, values), np.bincount(patient_of_row)
    low = high = float(values.mean())
    if len(sums) > 1:

        def mean(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
            return sums[drawn].sum(axis=axis) / sizes[drawn].sum(axis=axis)

        count = len(sums)
        low, high = interval_of(mean, [count], count, settings.confidence, settings.resamples, seed)
    return _rounded(metric, float(values.mean()), low, high)


def score_boxes(boxes: BoxScores, patients: np.ndarray, settings: Intervals, seed: int) -> dict[str, float]:
    """The scores of boxes, with intervals over the patients of the images, (image,), under the names of columns."""
    images, counts = np.arange(len(patients)), [len(each) for each in boxes.overlaps]
    names, patient_of_image = np.unique(patients, return_inverse=True)
    resampled = [
        boxes.average_precision(np.repeat(images, times[patient_of_image]))
        for batch in times_drawn(len(names), settings.resamples, np.random.default_rng(seed))
        for times in batch
    ]
    limits = limits_of(np.array(resampled), settings.confidence).T
    row = {"n": len(images), "boxes": sum(counts)}
    for metric, value, (low, high) in zip(["map50", "map50_95"], boxes.average_precision(images), limits, strict=True):
        row |= _rounded(metric, value, low, high)
    overlaps = np.concatenate(boxes.overlaps)
    return row | mean_with_interval("box_iou", overlaps, np.repeat(patients, counts), settings, seed)


def _rounded(metric: str, value: float, low: float, high: float) -> dict[str, float]:
    scores = {metric: value, f"{metric}_low": low, f"{metric}_high": high}
    return {name: round(float(score), 4) for name, score in scores.items()}

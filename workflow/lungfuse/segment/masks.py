"""The masks of a study's images, and what is suspicious about them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.files import atomic_array, atomic_write, read_array
from lungfuse.parameters import options
from lungfuse.plan.names import PACKAGED
from lungfuse.processor import keep_freed_memory
from lungfuse.segment.clean import measure, suspicion
from lungfuse.segment.keras_engine import limit_threads
from lungfuse.segment.segmenter import load_segmenter
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER, MaskSettings, SuspicionSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import ImageIndex
from lungfuse.tables.segmentation import MaskQuality


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    masks
        Output: bool (image, height, width), true in what is segmented, .npy.
    quality
        Output: area, components, asymmetry of each mask, contrast of its image, and why it is suspicious.
    settings
        Output: how the masks were made.
    """

    masks: Path
    quality: Path
    settings: Path


def main(
    *,
    mask: MaskSettings,
    suspicious: SuspicionSettings,
    segmenter: Path,
    array: Path,
    index: Path,
    outputs: Outputs,
    threads: int = 1,
) -> None:
    """Segment every image of an image array.

    Parameters
    ----------
    mask
        How probabilities become masks.
    suspicious
        Which masks are flagged.
    segmenter
        Folder of a trained segmenter.
    array
        The image array.
    index
        Index of the image array.
    outputs
        What is written.
    threads
        Processor threads.
    """
    keep_freed_memory()
    limit_threads(threads)
    table = read_table(index, ImageIndex).sort_values("row")
    images = read_array(array, len(table))
    measured = []
    with atomic_array(outputs.masks, np.bool_, images.shape[1:3]) as append:
        segmented = load_segmenter(segmenter).masks(images, mask)
        for image, (probability, cleaned) in zip(images, segmented, strict=True):
            append(cleaned)
            measured.append(measure(image, probability, cleaned, mask))
    found = pd.DataFrame(measured, columns=["area", "components", "asymmetry", "contrast"]).round(6)
    found["suspicious"] = [suspicion(each, suspicious) for each in measured]
    write_table(found.assign(image_id=table["image_id"].to_numpy()), outputs.quality, MaskQuality)
    name = PACKAGED_SEGMENTER if segmenter.resolve() == PACKAGED else str(segmenter)
    made_by = {"segmenter": name, "mask": mask.model_dump()}
    with atomic_write(outputs.settings) as stream:
        json.dump(made_by, stream, indent=2)
    print(f"{len(found):,} images segmented, {(found['suspicious'] != '').sum():,} masks are suspicious")

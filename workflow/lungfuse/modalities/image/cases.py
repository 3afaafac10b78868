"""The images of new cases."""

from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.imaging.image_files import UnreadableImageError, check_image, read_image, refuse
from lungfuse.modalities.data_files import Source
from lungfuse.modalities.image import places_of, sources, variant_of
from lungfuse.modalities.image.inputs import ImageSource
from lungfuse.modalities.image.variants import ABSENT, VariantImages, variant_images
from lungfuse.modalities.new_cases import Batch, Column, Preprocessing
from lungfuse.modalities.several import together
from lungfuse.settings.ingest import ImageSettings


def columns(choice: str, known: list[dict]) -> list[Column]:
    return [Column(_column(place), "image") for place in places_of(choice) or [""]]


def _column(place: str) -> str:
    return f"image_{place}" if place else "image"


def check(frame: pd.DataFrame, columns: list[Column]) -> None:
    problems = []
    for column in columns:
        for path in frame[column.name][frame[column.name] != ""]:
            try:
                check_image(Path(path))
            except UnreadableImageError as problem:
                problems.append(problem)
    refuse(problems)


def read(batch: Batch, choice: str, preprocessing: Preprocessing) -> Source:
    return together(_read_one(batch, each, preprocessing) for each in sources(choice))


def _read_one(batch: Batch, choice: str, preprocessing: Preprocessing) -> ImageSource:
    column = _column("".join(places_of(choice)))
    paths = batch.column(column)
    present = (paths != "").to_numpy()
    read_once = (column, preprocessing.images)
    pixels = batch.once(read_once, lambda: read_images(paths[present], preprocessing.images))
    rows = np.where(present, np.cumsum(present) - 1, ABSENT)
    if preprocessing.segmenter is None or not present.any():
        return ImageSource(pixels, rows)
    key = (choice, preprocessing.images, preprocessing.segmenter.resolve(), preprocessing.mask)
    return ImageSource(batch.once(key, lambda: _cut_out(batch, pixels, choice, preprocessing)), rows)


def read_images(paths: pd.Series, settings: ImageSettings) -> np.ndarray:
    """Decode images: uint8 of shape (image, height, width), or with colours at the end; one black where there is none.

    Raises:
        UserError: names every image that cannot be read.
    """
    pixels, problems = [], []
    for path in paths:
        try:
            pixels.append(read_image(Path(path), settings)[0])
        except UnreadableImageError as problem:
            problems.append(problem)
    refuse(problems)
    square = (settings.image_size, settings.image_size)
    return np.stack(pixels or [np.zeros((*square, 3) if settings.colour else square, np.uint8)])


def _cut_out(batch: Batch, pixels: np.ndarray, choice: str, preprocessing: Preprocessing) -> np.ndarray | VariantImages:
    masks = batch.load_segmenter(preprocessing.segmenter.resolve()).masks(pixels, preprocessing.mask)
    if empty := (~masks.any((1, 2))).sum():
        seen = "whole" if choice.startswith("background") else "black"
        batch.notes[f"nothing is segmented in the image, so the model sees it {seen}"] += int(empty)
    return variant_images(variant_of(choice), pixels, masks)

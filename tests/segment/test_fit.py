"""A mask of an image by hand lies where the segmenter has seen what it marks, however images became squares."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lungfuse.plan.names import PACKAGED
from lungfuse.segment.segment import MASK, segment_file
from lungfuse.segment.segmenter import load_segmenter

BRIGHT = SimpleNamespace(image_size=64, masks=lambda images, settings: [(None, image > 127) for image in images])


def drawn(width: int, height: int) -> np.ndarray:
    """An image with a bright ellipse in its middle, (height, width)."""
    y, x = np.mgrid[:height, :width]
    inside = ((x - width / 2) / (height / 4)) ** 2 + ((y - height / 2) / (width / 8)) ** 2 < 1
    return np.where(inside, 255, 0).astype(np.uint8)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return (first & second).sum() / (first | second).sum()


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize(("width", "height"), [(300, 180), (180, 300), (200, 200)])
def test_a_mask_lies_over_what_it_marks(tmp_path, fit, width, height):
    image = drawn(width, height)
    Image.fromarray(image).save(tmp_path / "image.png")
    mask = segment_file(tmp_path / "image.png", SimpleNamespace(**vars(BRIGHT), fit=fit), MASK)
    assert mask.shape == image.shape
    assert overlap(mask > 0, image > 0) > 0.9


def test_what_a_crop_cuts_off_is_not_segmented(tmp_path):
    Image.fromarray(np.full((100, 300), 255, np.uint8)).save(tmp_path / "wide.png")
    mask = segment_file(tmp_path / "wide.png", SimpleNamespace(**vars(BRIGHT), fit="crop"), MASK)
    assert mask[:, 100:200].all() and not mask[:, :100].any() and not mask[:, 200:].any()


def test_the_packaged_segmenter_sees_images_stretched():
    assert load_segmenter(PACKAGED).fit == "stretch"

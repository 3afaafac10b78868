import json

import numpy as np
import pandas as pd
import pytest
from small_study import NO_AUGMENT

from lungfuse.errors import UserError
from lungfuse.modalities.image.variants import variant_images
from lungfuse.settings.rows import Row


def halves(images: np.ndarray) -> np.ndarray:
    """Masks that keep the left half of each image."""
    masks = np.zeros(images.shape, bool)
    masks[:, :, : images.shape[2] // 2] = True
    return masks


def test_segmented_images_are_black_outside_the_mask_and_untouched_inside():
    images = np.random.default_rng(0).integers(1, 256, (4, 6, 8), dtype=np.uint8)
    cut = variant_images("segmented:unet-shenzhen", images, halves(images))[np.array([2, 0])]
    assert cut.dtype == np.uint8
    np.testing.assert_array_equal(cut[:, :, :4], images[[2, 0], :, :4])
    assert not cut[:, :, 4:].any()


def test_mask_only_images_say_nothing_but_the_mask():
    images = np.random.default_rng(0).integers(1, 256, (4, 6, 8), dtype=np.uint8)
    masks = variant_images("mask-only:unet-small", images, halves(images))[np.arange(4)]
    np.testing.assert_array_equal(masks, halves(images) * np.uint8(255))


def test_raw_images_need_no_masks():
    images = np.zeros((2, 4, 4), np.uint8)
    assert variant_images("raw", images, None) is images


def test_masks_of_other_images_are_refused():
    images = np.zeros((2, 4, 4), np.uint8)
    with pytest.raises(UserError, match=r"masks of shape \(3, 4, 4\), expected that of the image array, \(2, 4, 4\)"):
        variant_images("mask-only", images, np.zeros((3, 4, 4), bool))


@pytest.mark.parametrize("layers", ["full", "frozen"])
def test_a_row_that_reads_segmented_images_sees_nothing_else(small, tmp_path, layers):
    """The sign of the small study is inside the masks; outside them the images may be anything."""
    masks, settings = tmp_path / "masks.npy", tmp_path / "masks.json"
    lungs = np.zeros(small.images.shape, bool)
    lungs[:, 16:48, 16:48] = True
    np.save(masks, lungs)
    settings.write_text(json.dumps({"segmenter": "packaged", "mask": {"threshold": 0.5, "components": 2, "margin": 0}}))
    row = Row(model="image", images="segmented:packaged")
    scores = []
    for noise in (0, 1):
        small.images[~lungs] = np.random.default_rng(noise).integers(0, 256, (~lungs).sum(), dtype=np.uint8)
        small.write()
        files = {"mask_settings": settings}
        if layers == "full":
            files |= {"masks": masks}
        else:
            files |= {"features": {"image": small.features("vit-tiny", reads="segmented:packaged", masks=masks)}}
        scores.append(small.train(tmp_path / f"run{noise}", row, files, layers=layers, augment=NO_AUGMENT))
    pd.testing.assert_frame_equal(*scores)
    made_by = json.loads((tmp_path / "run0/settings.json").read_text())
    assert made_by["masks"]["segmenter"] == "packaged"

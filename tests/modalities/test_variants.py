import json

import numpy as np
import pandas as pd
import pytest
from model_configs import NO_AUGMENT
from small_study import LAYOUT

from lungfuse.errors import UserError
from lungfuse.modalities.image.variants import variant_images
from lungfuse.plan.names import TRAINED_SETTINGS


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


@pytest.mark.parametrize("colours", [(), (3,)])
def test_a_background_is_the_image_with_what_is_segmented_blacked_out(colours):
    images = np.random.default_rng(0).integers(1, 256, (4, 6, 8, *colours), dtype=np.uint8)
    masks = halves(images[..., 0] if colours else images)
    background = variant_images("background:unet-shenzhen", images, masks)[np.array([2, 0])]
    np.testing.assert_array_equal(background[:, :, 4:], images[[2, 0], :, 4:])
    assert not background[:, :, :4].any()
    segmented = variant_images("segmented:unet-shenzhen", images, masks)[np.array([2, 0])]
    np.testing.assert_array_equal(background + segmented, images[[2, 0]])


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
def test_a_model_that_reads_segmented_images_sees_nothing_else(small, layers):
    """The sign of the small study is inside the masks; outside them the images may be anything."""
    lungs = np.zeros(small.images.shape, bool)
    lungs[:, 16:48, 16:48] = True
    made = LAYOUT.masks("packaged")
    made["masks"].parent.mkdir(parents=True)
    np.save(made["masks"], lungs)
    mask = {"threshold": 0.5, "components": 2, "margin": 0}
    made["settings"].write_text(json.dumps({"segmenter": "packaged", "mask": mask}))
    scores = []
    for noise in (0, 1):
        small.images[~lungs] = np.random.default_rng(noise).integers(0, 256, (~lungs).sum(), dtype=np.uint8)
        small.write()
        train = {"layers": layers, "augment": NO_AUGMENT}
        model = small.model(f"model{noise}", architecture="image", images="segmented:packaged", train=train)
        scores.append(small.train(model))
    pd.testing.assert_frame_equal(*scores)
    made_by = json.loads((small.fold(model) / TRAINED_SETTINGS).read_text())
    assert made_by["masks"]["segmenter"] == "packaged"

import numpy as np

from lungfuse.demo.chest import draw_frontal
from lungfuse.segment.augment import augment


def test_the_mask_follows_the_image():
    image = np.zeros((64, 64), np.uint8)
    image[20:40, 16:28] = 255
    for seed in range(20):
        variant, mask = augment(np.random.default_rng(seed), image, image > 0)
        inside, outside = variant[mask > 0].mean(), variant[mask == 0].mean()
        assert mask.sum() > 60 and abs(inside - outside) > 0.25


def test_variants_differ_and_are_the_same_for_the_same_seed():
    image, lungs, _ = draw_frontal(np.random.default_rng(0), 1.0, 0, 64)
    first, again, other = (augment(np.random.default_rng(seed), image, lungs)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.01

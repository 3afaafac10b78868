import numpy as np
import pytest

from lungfuse.segment.clean import clean, measure, suspicion
from lungfuse.settings.segmentation import MaskSettings, SuspicionSettings

SETTINGS = MaskSettings(threshold=0.5, components=2, margin=0.0)
LIMITS = SuspicionSettings(min_area=0.1, max_area=0.6, max_asymmetry=0.5, max_components=4, min_contrast=10)


@pytest.fixture
def probability() -> np.ndarray:
    """Two lungs, the left one with a hole, and a speck."""
    seen = np.zeros((20, 20), np.float32)
    seen[4:16, 2:8] = 0.9
    seen[8:10, 4:6] = 0.1
    seen[4:16, 12:18] = 0.8
    seen[0, 10] = 0.7
    return seen


def test_the_two_largest_components_are_kept_and_their_holes_filled(probability):
    mask = clean(probability, SETTINGS)
    lungs = np.zeros_like(mask)
    lungs[4:16, 2:8] = lungs[4:16, 12:18] = True
    np.testing.assert_array_equal(mask, lungs)


def test_one_lung_or_none_is_left_as_it_is(probability):
    probability[:, 10:] = 0
    assert clean(probability, SETTINGS).sum() == 72
    assert not clean(np.zeros((20, 20)), SETTINGS).any()


def test_the_margin_is_a_share_of_the_side(probability):
    widened = clean(probability, SETTINGS.model_copy(update={"margin": 0.05}))
    assert widened[3, 5] and not widened[2, 5]


def test_a_usual_mask_is_not_suspicious(probability):
    image = np.resize([60, 140], probability.shape)
    measured = measure(image, probability, clean(probability, SETTINGS), SETTINGS)
    assert measured == {"area": 0.36, "components": 3, "asymmetry": 0.0, "contrast": 40.0}
    assert suspicion(measured, LIMITS) == ""


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        ({"area": 0.05}, "area below 10% of the image"),
        ({"area": 0.7}, "area above 60% of the image"),
        ({"asymmetry": 0.8}, "sides differ by more than 50%"),
        ({"components": 9}, "more than 4 components"),
        ({"contrast": 2.0}, "image almost without contrast"),
    ],
)
def test_what_is_suspicious_is_said(measured, reason):
    usual = {"area": 0.36, "components": 2, "asymmetry": 0.0, "contrast": 40.0}
    assert suspicion(usual | measured, LIMITS) == reason

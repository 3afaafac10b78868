from pathlib import Path

import numpy as np
import pytest

from lungfuse.demo.chest import draw_frontal
from lungfuse.errors import UserError
from lungfuse.predict.segmenters import SegmenterProcess
from lungfuse.settings.segmentation import MaskSettings

MASK = MaskSettings(threshold=0.5, components=2, margin=0.0)


def test_a_segmenter_works_in_a_process_of_its_own_until_that_ends(capfd):
    image, lungs, _ = draw_frontal(np.random.default_rng(0), volume=1.0, opacities=0, px=64)
    image = (255 * image / image.max()).astype(np.uint8)
    segmenter = SegmenterProcess(Path("packaged"))
    masks = segmenter.masks(np.stack([image, image]), MASK)
    assert masks.shape == (2, 64, 64) and masks.dtype == bool
    assert 2 * (masks[0] & (lungs > 0)).sum() / (masks[0].sum() + (lungs > 0).sum()) > 0.5, "Dice"
    assert np.array_equal(segmenter.masks(image[None], MASK)[0], masks[0])
    assert capfd.readouterr().err == ""
    segmenter.process.kill()
    segmenter.process.wait()
    with pytest.raises(UserError, match="packaged: the process of the segmenter was ended, or ran out of memory"):
        segmenter.masks(image[None], MASK)


def test_a_folder_without_a_segmenter_is_reported(tmp_path):
    with pytest.raises(UserError, match=r"settings\.json: not found\. Expected the folder of a trained segmenter"):
        SegmenterProcess(tmp_path)

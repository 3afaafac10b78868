"""What a trained segmenter is used for: scores, masks of a study, masks of single files."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lungfuse.errors import UserError
from lungfuse.segment import masks, segment, segmentation_scores
from lungfuse.segment.segmenter import load_segmenter
from lungfuse.settings import ComparisonSettings, MaskSettings, SuspicionSettings
from lungfuse.tables import ImageIndex, write_table

MASK = MaskSettings(threshold=0.5, components=2, margin=0.0)
LIMITS = SuspicionSettings(least_area=0.08, most_area=0.6, most_asymmetry=0.5, most_components=6, least_contrast=10)


def test_scores_are_those_of_held_out_patients_of_each_hospital(annotated_set, segmenter, tmp_path):
    comparison = ComparisonSettings(confidence=0.95, resamples=200, timings=False, published=[])
    table = tmp_path / "segmentation.csv"
    segmentation_scores.main(
        mask=MASK, comparison=comparison, seed=0, segmenters=[segmenter], segmentation_table=table,
        **annotated_set.files,
    )  # fmt: skip
    scores = pd.read_csv(table)
    assert list(zip(scores["source"], scores["mask"], scores["n"], strict=True)) == [
        ("Montgomery", "thresholded", 4), ("Montgomery", "clean", 4),
        ("Shenzhen", "thresholded", 4), ("Shenzhen", "clean", 4),
    ]  # fmt: skip
    assert (scores["dice"] > 0.9).all() and (scores["iou"] < scores["dice"]).all()
    assert (scores["dice_low"] <= scores["dice"]).all() and (scores["dice"] <= scores["dice_high"]).all()


def test_overlap_of_known_masks():
    true = np.array([[True, True, False, False]])
    half = np.array([[True, False, False, False]])
    assert segmentation_scores.overlap(half, true) == (2 / 3, 1 / 2)
    assert segmentation_scores.overlap(true, true) == (1, 1)
    assert segmentation_scores.overlap(~true, true) == (0, 0)
    assert segmentation_scores.overlap(true & False, true & False) == (1, 1)


def test_every_image_of_a_study_gets_a_mask(annotated_set, segmenter, tmp_path):
    images = annotated_set.images[-8:].copy()
    images[3] = 0
    np.save(tmp_path / "images.npy", images)
    index = pd.DataFrame({"image_id": [f"I{row}" for row in range(8)], "row": range(8), "width": 64, "height": 64})
    write_table(index, tmp_path / "index.csv", ImageIndex)
    outputs = {"masks": "masks.npy", "quality": "quality.csv", "settings": "settings.json"}
    masks.main(
        mask=MASK, suspicious=LIMITS, segmenter=segmenter, array=tmp_path / "images.npy", index=tmp_path / "index.csv",
        **{key: tmp_path / name for key, name in outputs.items()},
    )  # fmt: skip
    lungs, quality = np.load(tmp_path / "masks.npy"), pd.read_csv(tmp_path / "quality.csv", keep_default_na=False)
    assert lungs.shape == images.shape and lungs.dtype == bool
    scores = [segmentation_scores.overlap(a, b)[0] for a, b in zip(lungs, annotated_set.masks[-8:], strict=True)]
    assert np.median(scores) > 0.9
    assert list(quality["image_id"]) == list(index["image_id"])
    np.testing.assert_allclose(quality["area"], lungs.mean((1, 2)), atol=1e-6)
    assert quality["suspicious"][3] and (quality["suspicious"] == "").sum() >= 6


def test_images_of_another_size_are_segmented_at_theirs(annotated_set, segmenter):
    network = load_segmenter(segmenter)
    large = np.asarray(Image.fromarray(annotated_set.images[-1]).resize((160, 160)))
    ((_, lungs),) = network.masks(large[None], MASK)
    true = np.asarray(Image.fromarray(annotated_set.masks[-1]).resize((160, 160)))
    assert lungs.shape == (160, 160) and segmentation_scores.overlap(lungs, true)[0] > 0.9


def test_a_file_gets_a_mask_of_its_own_size(annotated_set, segmenter, tmp_path):
    wide = Image.fromarray(annotated_set.images[-1]).resize((150, 100))
    wide.save(tmp_path / "x.png")
    segment.main(image=tmp_path / "x.png", out=tmp_path / "mask.png", segmenter=segmenter)
    mask = np.asarray(Image.open(tmp_path / "mask.png"))
    assert mask.shape == (100, 150) and set(np.unique(mask)) == {0, 255}


def test_a_folder_is_segmented_and_what_cannot_be_read_is_named_in_the_end(annotated_set, segmenter, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(b"no image")
    Image.fromarray(annotated_set.images[-1]).save(tmp_path / "in/b.png")
    with pytest.raises(UserError, match=r"in/a.png: cannot be read"):
        segment.main(image=tmp_path / "in", out=tmp_path / "out", segmenter=segmenter)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.png"]


def test_a_folder_without_a_segmenter_is_named(tmp_path):
    with pytest.raises(UserError, match=r"settings.json: not found. Expected the folder of a trained segmenter"):
        load_segmenter(tmp_path)

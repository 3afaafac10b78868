import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lungfuse.errors import UserError
from lungfuse.segment.annotated import Outputs, main, split_parts
from lungfuse.settings.segmentation import AnnotatedSettings

SETTINGS = AnnotatedSettings(dataset="nlm_tb", raw="tb", image_size=32, fit="stretch", test=0.25, validation=0.25)


def run(raw, tmp_path, rejected_share=0.5, **changes):
    files = {"annotated_images": "images.npy", "annotated_masks": "masks.npy", "annotated_index": "index.csv"}
    files = {key: tmp_path / name for key, name in (files | {"rejected_annotations": "rejected.csv"}).items()}
    main(
        annotated=SETTINGS.model_copy(update=changes), annotated_raw=raw, seed=0, rejected_share=rejected_share,
        outputs=Outputs(**files),
    )  # fmt: skip
    images, masks = (np.load(files[key]) for key in ["annotated_images", "annotated_masks"])
    return images, masks, pd.read_csv(files["annotated_index"]), pd.read_csv(files["rejected_annotations"])


def test_images_and_masks_of_every_patient_are_read(mask_set, tmp_path):
    images, masks, index, rejected = run(mask_set, tmp_path, image_size=64)
    assert images.shape == masks.shape == (24, 64, 64) and masks.dtype == bool and rejected.empty
    row = index.set_index("image_id")["row"]["CHNCXR_0001_0"]
    np.testing.assert_array_equal(images[row], np.asarray(Image.open(mask_set / "CXR_png" / "CHNCXR_0001_0.png")))
    np.testing.assert_array_equal(masks[row], np.asarray(Image.open(mask_set / "masks" / "CHNCXR_0001_0_mask.png")))
    assert set(index["site"]) == {"Shenzhen", "Montgomery"}


def test_each_site_is_in_each_part_and_no_patient_in_two():
    index = pd.DataFrame({"patient": np.repeat(np.arange(40), 2), "site": np.repeat(["a"] * 28 + ["b"] * 12, 2)})
    parts = split_parts(index, test=0.25, validation=0.25, seed=0)
    assert (parts.groupby(index["patient"]).nunique() == 1).all()
    assert parts.groupby(index["site"]).value_counts()["b"].to_dict() == {"train": 12, "test": 6, "validation": 6}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda raw: (raw / "masks" / "CHNCXR_0001_0_mask.png").unlink(), "has no mask"),
        (
            lambda raw: Image.new("L", (32, 64), 255).save(raw / "masks" / "CHNCXR_0001_0_mask.png"),
            "its mask CHNCXR_0001_0_mask.png has 32 x 64 pixels, expected the shape of the image's 64 x 64",
        ),
        (
            lambda raw: Image.new("L", (64, 64)).save(raw / "masks" / "CHNCXR_0001_0_mask.png"),
            "its mask CHNCXR_0001_0_mask.png is black: nothing is marked",
        ),
        (
            lambda raw: Image.new("L", (64, 64), 255).save(raw / "masks" / "CHNCXR_0001_0_mask.png"),
            "its mask CHNCXR_0001_0_mask.png marks the whole image",
        ),
        (
            lambda raw: (raw / "masks" / "CHNCXR_0001_0_mask.png").write_bytes(b"no image"),
            "its mask CHNCXR_0001_0_mask.png cannot be decoded",
        ),
        (lambda raw: (raw / "CXR_png" / "CHNCXR_0001_0.png").write_bytes(b""), "cannot be decoded (has zero bytes)"),
    ],
    ids=["missing", "another shape", "black", "white", "broken mask", "broken image"],
)
def test_an_image_that_cannot_be_used_is_named(mask_set, tmp_path, spoil, reason):
    spoil(mask_set)
    images, _, index, rejected = run(mask_set, tmp_path)
    assert len(images) == len(index) == 23
    assert rejected["id"].tolist() == ["CHNCXR_0001_0"] and rejected["reason"][0].startswith(reason)


def test_colour_and_16_bit_images_are_read_as_grey(mask_set, tmp_path):
    path = mask_set / "CXR_png" / "CHNCXR_0001_0.png"
    grey = np.asarray(Image.open(path))
    plain, *_ = run(mask_set, tmp_path)
    Image.fromarray(np.stack([grey] * 3, axis=-1)).save(path)
    colour, *_ = run(mask_set, tmp_path)
    Image.fromarray(grey.astype(np.uint16) << 8).save(path)
    deep, *_ = run(mask_set, tmp_path)
    np.testing.assert_array_equal(plain, colour)
    np.testing.assert_array_equal(plain, deep)


def test_masks_of_0_and_1_are_read_like_those_of_0_and_255(mask_set, tmp_path):
    path = mask_set / "masks" / "CHNCXR_0001_0_mask.png"
    _, before, *_ = run(mask_set, tmp_path)
    Image.fromarray(np.asarray(Image.open(path)).astype(np.uint8)).save(path)
    _, after, *_ = run(mask_set, tmp_path)
    np.testing.assert_array_equal(before, after)


def test_a_mask_with_more_pixels_than_its_image_is_brought_to_its_size(mask_set, tmp_path):
    path = mask_set / "masks" / "CHNCXR_0001_0_mask.png"
    _, before, *_ = run(mask_set, tmp_path, image_size=64)
    small = Image.open(path)
    small.resize((3 * small.width, 3 * small.height), Image.Resampling.NEAREST).save(path)
    _, after, *_ = run(mask_set, tmp_path, image_size=64)
    np.testing.assert_array_equal(before, after)


def test_too_many_unusable_images_stop_the_run_and_leave_nothing(mask_set, tmp_path):
    for number in (1, 3, 5):
        (mask_set / "masks" / f"CHNCXR_{number:04d}_0_mask.png").unlink()
    with pytest.raises(UserError, match=r"3 of 24 images.*10%.*CHNCXR_0001_0 has no mask; CHNCXR_0003_0"):
        run(mask_set, tmp_path, rejected_share=0.1)
    assert not list(tmp_path.glob("*.npy")) and not list(tmp_path.glob("*.csv"))


def test_a_site_with_one_patient_is_reported():
    index = pd.DataFrame({"patient": np.arange(21), "site": ["a"] * 20 + ["b"]})
    with pytest.raises(UserError, match=r"too few patients .* in each site; found a 20, b 1\. Add annotated images"):
        split_parts(index, test=0.25, validation=0.25, seed=0)

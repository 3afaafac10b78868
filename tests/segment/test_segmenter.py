"""What a trained segmenter is used for: scores, masks of a study, masks of single files."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import truncate
from PIL import Image
from scipy.ndimage import label
from small_study import run_stage

from lungfuse.errors import UserError
from lungfuse.segment import masks, segment, segmentation_scores
from lungfuse.segment.segmenter import load_segmenter
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.segmentation import MaskSettings, SuspicionSettings
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import ImageIndex

MASK = MaskSettings(threshold=0.5, components=2, margin=0.0)
LIMITS = SuspicionSettings(min_area=0.08, max_area=0.6, max_asymmetry=0.5, max_components=6, min_contrast=10)


def test_scores_are_those_of_held_out_patients_of_each_site(annotated_set, segmenter, tmp_path):
    intervals = Intervals(confidence=0.95, resamples=200)
    tables = {name: tmp_path / f"{name}.csv" for name in ["segmentation_table", "region_table"]}
    run_stage("segmentation-scores",
        mask=MASK, region="lungs", intervals=intervals, seed=0, segmenters=[segmenter], **tables, **annotated_set.files,
    )  # fmt: skip
    scores, boxes = map(pd.read_csv, tables.values())
    assert list(zip(scores["source"], scores["mask"], scores["n"], strict=True)) == [
        ("Montgomery", "thresholded", 4), ("Montgomery", "clean", 4),
        ("Shenzhen", "thresholded", 4), ("Shenzhen", "clean", 4),
    ]  # fmt: skip
    assert (scores["dice"] > 0.9).all() and (scores["iou"] < scores["dice"]).all()
    assert (scores["dice_low"] <= scores["dice"]).all() and (scores["dice"] <= scores["dice_high"]).all()
    assert list(zip(boxes["source"], boxes["region"], boxes["n"], boxes["boxes"], strict=True)) == [
        ("Montgomery", "lungs", 4, 8), ("Shenzhen", "lungs", 4, 8)
    ]  # fmt: skip
    assert (boxes["map50"] > 0.9).all() and (boxes["map50_95"] <= boxes["map50"]).all()
    assert (boxes["box_iou"] > 0.7).all()
    assert (boxes["map50_95_low"] <= boxes["map50_95"]).all() and (boxes["map50_95"] <= boxes["map50_95_high"]).all()


def test_images_of_a_patient_are_resampled_together():
    """Four patients with three alike images each: the interval is that of four values, not of twelve."""
    intervals = Intervals(confidence=0.95, resamples=500)
    values = np.array([0.1, 0.4, 0.6, 0.9])
    once = segmentation_scores.mean_with_interval("dice", values, np.arange(4), intervals, 0)
    thrice = segmentation_scores.mean_with_interval("dice", np.repeat(values, 3), np.repeat(range(4), 3), intervals, 0)
    assert thrice == once and once["dice_high"] - once["dice_low"] > 0.4


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
    outputs = masks.Outputs(**{key: tmp_path / name for key, name in outputs.items()})
    masks.main(
        mask=MASK, suspicious=LIMITS, segmenter=segmenter, array=tmp_path / "images.npy", index=tmp_path / "index.csv",
        outputs=outputs,
    )  # fmt: skip
    lungs, quality = np.load(tmp_path / "masks.npy"), pd.read_csv(tmp_path / "quality.csv", keep_default_na=False)
    assert lungs.shape == images.shape and lungs.dtype == bool
    scores = [segmentation_scores.overlap(a, b)[0] for a, b in zip(lungs, annotated_set.masks[-8:], strict=True)]
    assert np.median(scores) > 0.9
    assert list(quality["image_id"]) == list(index["image_id"])
    np.testing.assert_allclose(quality["area"], lungs.mean((1, 2)), atol=1e-6)
    assert quality["suspicious"][3] and (quality["suspicious"] == "").sum() >= 6


def test_colour_is_segmented_by_its_luminance(annotated_set, segmenter):
    network, images = load_segmenter(segmenter), annotated_set.images[-4:]
    grey = np.stack(list(network.probabilities(images)))
    np.testing.assert_allclose(list(network.probabilities(np.stack([images] * 3, axis=-1))), grey, atol=1e-3)
    tinted = np.stack([images, images // 2, images // 4], axis=-1)
    as_pillow = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in tinted])
    found, expected = (np.stack([mask for _, mask in network.masks(each, MASK)]) for each in [tinted, as_pillow])
    assert (found == expected).mean() > 0.99 and found.any()


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


def test_the_word_packaged_is_the_segmenter_of_the_package():
    assert load_segmenter(Path("packaged")).image_size == 256


SEGMENTERS = {  # how the folder of a segmenter is spoilt, and what is said
    "no folder": (shutil.rmtree, "settings.json: not found. Expected the folder of a trained segmenter"),
    "settings of a row": (
        lambda folder: (folder / "settings.json").write_text('{"row": {}}'), "settings.json: is none of a segmenter"
    ),
    "settings cut": (lambda folder: truncate(folder / "settings.json"), "settings.json: cannot be used"),
    "another depth": (
        lambda folder: (folder / "settings.json").write_text(
            '{"image_size": 64, "unet": {"width": 8, "depth": 3, "normalisation": "batch"}, "fit": "pad"}'
        ),
        "model.keras: cannot be loaded",
    ),
    "weights cut": (lambda folder: truncate(folder / "model.keras"), "model.keras: cannot be loaded"),
    "weights of text": (lambda folder: (folder / "model.keras").write_text("none"), "model.keras: cannot be loaded"),
    "no weights": (lambda folder: (folder / "model.keras").unlink(), "model.keras: not found"),
    "not finite": (lambda folder: poison(folder / "model.keras"), "model.keras: holds values that are not finite"),
}  # fmt: skip


def poison(path) -> None:
    network = keras.models.load_model(path, compile=False)
    network.set_weights([np.full_like(weight, np.nan) for weight in network.get_weights()])
    network.save(path)


@pytest.mark.parametrize(("spoil", "message"), SEGMENTERS.values(), ids=SEGMENTERS)
def test_a_folder_without_a_whole_segmenter_is_named(segmenter, tmp_path, spoil, message):
    folder = shutil.copytree(segmenter, tmp_path / "unet-a")
    spoil(folder)
    with pytest.raises(UserError, match=message):
        load_segmenter(folder)


CALLS = {  # what segment is given, and what it says before any work
    "onto its folder": ({"image": "in", "out": "in"}, r"in/a\.png: is an X-ray that is read"),
    "onto its folder by another way": ({"image": "in", "out": "in/../link"}, r"link/a\.png: is an X-ray that is read"),
    "onto itself": ({"image": "in/a.png", "out": "in/a.png"}, r"in/a\.png: is an X-ray that is read"),
    "into its folder": ({"image": "in/a.png", "out": "in"}, r"in/a\.png: is an X-ray that is read"),
    "two of one name": ({"image": "twins", "out": "out"}, r"out/a\.png: would be the mask of .*a\.jpg and .*a\.png"),
    "another format": ({"image": "in/a.png", "out": "mask.jpg"}, r"found a name that ends in '\.jpg', expected \.png"),
    "a folder into a file": ({"image": "in", "out": "note.txt"}, r"note\.txt: is a file, expected a folder"),
    "below a file": ({"image": "in", "out": "note.txt/masks"}, r"cannot be written \(Not a directory"),
    "no image": ({"image": "none.png", "out": "mask.png"}, r"none\.png: cannot be read \(No such file"),
    "text": ({"image": "note.txt", "out": "mask.png"}, r"note\.txt: cannot be read \(is no image"),
    "an empty folder": ({"image": "empty", "out": "out"}, r"empty: no image found; expected files that end in"),
    "a share below nothing": ({"margin": -0.1}, r"--margin: found -0\.1. Input should be greater"),
    "no part": ({"components": 0}, r"--components: found 0. Input should be greater than or equal to 1"),
    "a share above all": ({"margin": 3.0}, r"--margin: found 3. Input should be less than or equal to 0\.2"),
}


@pytest.mark.parametrize(("given", "message"), CALLS.values(), ids=CALLS)
def test_a_call_that_would_lose_something_is_reported_before_the_work(tmp_path, monkeypatch, given, message):
    monkeypatch.setattr(segment, "load_segmenter", None)
    for name in ["in/a.png", "twins/a.png", "twins/a.jpg"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.effect_noise((64, 64), 60).save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("text")
    (tmp_path / "link").symlink_to("in")
    before = (tmp_path / "in/a.png").read_bytes()
    paths = {name: tmp_path / value for name, value in given.items() if isinstance(value, str)}
    with pytest.raises(UserError, match=message):
        segment.main(**{"image": tmp_path / "in/a.png", "out": tmp_path / "out.png"} | given | paths)
    assert (tmp_path / "in/a.png").read_bytes() == before


def test_an_x_ray_stored_turned_is_segmented_upright(annotated_set, segmenter, tmp_path):
    """As the EXIF data of a photograph say; the mask lies over the X-ray as it is shown."""
    upright = Image.fromarray(annotated_set.images[-1]).resize((80, 64))
    turned = Image.Exif()
    turned[0x0112] = 6
    upright.save(tmp_path / "upright.png")
    upright.rotate(90, expand=True).save(tmp_path / "turned.png", exif=turned)
    for name in ["upright", "turned"]:
        segment.main(image=tmp_path / f"{name}.png", out=tmp_path / f"{name}_mask.png", segmenter=segmenter)
    masks = [np.asarray(Image.open(tmp_path / f"{name}_mask.png")) for name in ["upright", "turned"]]
    np.testing.assert_array_equal(*masks)


def test_a_mask_keeps_as_many_parts_as_asked_for(annotated_set, segmenter, tmp_path):
    """Two lungs, but one lesion."""
    Image.fromarray(annotated_set.images[-1]).save(tmp_path / "a.png")
    parts = {}
    for count in [1, 2]:
        out = tmp_path / f"{count}.png"
        segment.main(image=tmp_path / "a.png", out=out, segmenter=segmenter, components=count)
        parts[count] = label(np.asarray(Image.open(out)))[1]
    assert parts == {1: 1, 2: 2}


def test_an_image_without_lungs_is_named(segmenter, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(segment, "segment_file", lambda *_: np.zeros((1, 1), np.uint8))
    Image.new("RGBA", (1, 1)).save(tmp_path / "dot.png")
    segment.main(image=tmp_path / "dot.png", out=tmp_path / "mask.png", segmenter=segmenter)
    assert "nothing found in 1 of 1 images" in capsys.readouterr().out

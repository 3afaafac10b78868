"""Labelled images of other collections: a table with a mapping, of two sites, one image of which is a pair's."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_study import run_stage

from lungfuse.errors import UserError
from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.training import LabelledImages
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Rejected
from lungfuse.tables.training import LabelledCases

TABLE = {"file": "cases.csv", "image": "file", "images": ["images"], "patient": "who", "site": "clinic"}
TABLE |= {"columns": {"finding": {"column": "finding"}}}
ENTRY = {"table": TABLE, "label": "finding", "min_images": 2}


@pytest.fixture
def gather(small, tmp_path):
    """Gather a collection of drawn images, the last of which is the brightened image of a pair."""
    folder = tmp_path / "data/raw/others"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(1)
    rows = []
    for number in range(13):
        blocks = rng.integers(0, 255, (8, 8), np.uint8).repeat(8, 0).repeat(8, 1)
        pixels = blocks if number < 12 else (small.images[1] * 0.9 + 20).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"images/{number}.png")
        clinic, finding = ("A", ["ill", "well"][number % 2]) if number < 6 else ("B", ["ill", "other", ""][number % 3])
        rows.append({"file": f"{number}.png", "who": f"P{number // 2}", "clinic": clinic, "finding": finding})
    pd.DataFrame(rows).to_csv(folder / "cases.csv", index=False)
    out = {"other_images": "images.npy", "other_cases": "cases.csv", "rejected_others": "rejected.csv"}
    out = {name: tmp_path / "out" / file for name, file in out.items()}
    files = {name: small.files[name] for name in ["pairs", "array", "index"]} | {"raw_root": tmp_path / "data/raw"}

    def run(**changes):
        sets = {"others": LabelledImages.model_validate(ENTRY | changes)}
        run_stage("pretraining-images", files | out | {"sets": sets, "images": ImageSettings(image_size=64, fit="pad")})
        return read_table(out["other_cases"], LabelledCases), read_table(out["rejected_others"], Rejected)

    return run, folder


def test_each_site_has_labels_of_its_own_and_a_copy_of_a_pairs_image_is_left_out(gather):
    run, _ = gather
    cases, rejected = run()
    labels = [name for name in cases if name.startswith("label_")]
    assert labels == ["label_others A ill", "label_others A well", "label_others B ill", "label_others B other"]
    assert cases[labels].notna().to_numpy().tolist() == [
        [site == "A"] * 2 + [site == "B" and number % 3 < 2] * 2
        for number, site in zip(range(12), "AAAAAABBBBBB", strict=True)
    ]
    assert cases["group"].tolist() == [f"others/P{number // 2}" for number in range(12)]
    assert rejected["id"].tolist() == ["others/12"]
    assert "copy" in rejected["reason"][0]


def test_a_collection_that_is_half_missing_stops_before_hours_of_training(gather):
    run, folder = gather
    for number in range(6):
        (folder / f"images/{number}.png").unlink()
    with pytest.raises(
        UserError, match=r"others: 6 of 13 images are missing or cannot be decoded, expected at most 20%"
    ):
        run()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "grade"}, "pretraining.sets.others.label: found 'grade', expected one of the columns finding"),
        ({"view": "Frontal"}, "no image of the view 'Frontal', found any"),
        ({"min_images": 50}, "pretraining.sets.others.min_images: .* no heading stands in 50"),
    ],
)
def test_what_a_collection_does_not_have_is_named(gather, changes, message):
    with pytest.raises(UserError, match=message):
        gather[0](**changes)


def test_a_study_that_names_collections_gathers_them_before_it_pre_trains(params):
    params["studies"]["openi"]["pretraining"] = {"sets": {"tb": {"dataset": "nlm_tb", "view": "Frontal"}}}
    plan = Plan(*load_study(params | {"study": "openi"}))
    job, made = plan.pretrain("efficientnet-lite0"), plan.pretraining_images()
    assert {job.inputs[name] for name in ["other_images", "other_cases"]} < set(made.outputs.values())
    assert "datasets/nlm_tb.py" in map(str, made.code)


def test_a_collection_of_a_table_needs_a_mapping(params):
    params["studies"]["openi"]["pretraining"] = {"sets": {"mine": {"label": "finding"}}}
    with pytest.raises(UserError, match=r"pretraining\.sets\.mine.*needs a mapping"):
        load_study(params | {"study": "openi"})

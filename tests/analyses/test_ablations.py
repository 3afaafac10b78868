from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from small_comparison import BINARY, results_of

from lungfuse.analyses.ablations import compute, held_out_pairs
from lungfuse.compare.scores import join_predictions
from lungfuse.plan.plan import Plan
from lungfuse.tables.base import write_table
from lungfuse.tables.segmentation import AnnotatedIndex

MODELS = [
    model_config("image", images="raw"),
    model_config("image", images="mask-only"),
    model_config("image", images="segmented:unet-shenzhen"),
    model_config("text", text="findings"),
    model_config("tfidf", text="findings"),
    model_config("linear-probe", images="mask-only"),
    model_config("early", images="raw", text="findings"),
    model_config("early", images="raw", text="findings", ablation="shuffled-image"),
]
WRONG = [20, 40, 20, 0, 2, 10, 4, 8]
NAMED = {str(number): model for number, model in enumerate(MODELS)}
VALIDATED = [0.7, 0.5, 0.7, 0.8, 0.9, 0.6, 0.9, 0.8]


@pytest.fixture
def results(pairs, predictions):
    joined = [join_predictions(BINARY, pairs, predictions(wrong), None) for wrong in WRONG]
    return results_of(NAMED, joined, VALIDATED, pairs.assign(image_id=pairs["pair_id"]))


@pytest.fixture
def table(results, settings):
    return compute(results, settings, seed=0).set_index(["model", "change"])


def test_a_model_stands_against_the_one_that_differs_in_one_thing(table):
    variants = [("image", "mask-only"), ("image", "segmented:unet-shenzhen")]
    parts = [("early", change) for change in ["image alone", "text alone", "shuffled-image"]]
    assert list(table.index) == variants + parts, "a probe of masks has no raw counterpart"
    assert table["value"].is_monotonic_increasing and (table["metric"] == "auroc").all()


def test_a_change_that_costs_accuracy_is_seen_to_cost_it(table):
    worse = table.loc["image", "mask-only"]
    assert worse["difference"] < -0.2 and worse["difference_high"] < 0 and worse["p"] <= 0.01
    assert (worse["lost"], worse["gained"]) == (20, 0)
    same = table.loc["image", "segmented:unet-shenzhen"]
    assert (same["difference"], same["lost"], same["gained"], same["p"]) == (0, 0, 0, 1)
    better = table.loc["early", "text alone"]
    assert (better["lost"], better["gained"]) == (0, 2)
    assert better["changed"] == "4", "of two rows on findings the better one on validation pairs"
    assert (table["p_corrected"] >= table["p"] - 0.005).all()


def test_masked_models_stand_against_the_raw_one_on_patients_no_segmenter_has_learned_from(results, settings, tmp_path):
    index = pd.DataFrame({"image_id": results.pairs["image_id"], "row": range(80), "patient": "", "site": ""})
    parts = np.where(np.arange(80) < 30, "train", "test")
    write_table(index.assign(part=parts), tmp_path / "index.csv", AnnotatedIndex)
    table = compute(results, settings, seed=0, held_out_index=[tmp_path / "index.csv"])
    table = table.set_index(["model", "change", "pairs"])
    assert [index[1] for index in table.index if index[2] == "held-out"] == ["mask-only", "segmented:unet-shenzhen"]
    masks = table.loc[("image", "mask-only", "held-out")]
    assert (masks["n"], masks["value"], masks["lost"]) == (50, 1.0, 10) and masks["value_changed"] < 0.9


def test_the_pairs_of_test_patients_are_known_by_their_images(tmp_path):
    index = pd.DataFrame({"image_id": list("abc"), "row": range(3), "patient": list("abc"), "site": ""})
    write_table(index.assign(part=["train", "test", "validation"]), tmp_path / "index.csv", AnnotatedIndex)
    assert held_out_pairs(pd.DataFrame({"image_id": ["b", "a", "x", "c"]}), tmp_path / "index.csv").tolist() == [
        True, False, False, False,
    ]  # fmt: skip


def test_held_out_patients_are_looked_for_where_the_segmenters_have_learned_from_the_study(studies):
    tb = studies["tb"]
    assert Plan("tb", tb).held_out_index == [Path("data/annotated/tb/index.csv")]
    assert Plan("demo", studies["demo"]).held_out_index == [], "its masks are of other chests"
    row = tb.models["linear-probe_segmented"].model_copy(update={"inputs": {"image": "segmented:packaged"}})
    packaged = tb.model_copy(update={"models": {"linear-probe_segmented": row}})
    assert Plan("tb", packaged).held_out_index == [], "the index does not say what it has learned from"

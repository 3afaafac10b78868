from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from small_comparison import BINARY
from small_study import run_stage

from lungfuse.report.pictures import best_fused, by_plausibility, disagreements, examples
from lungfuse.tables.base import columns, read_table, write_table
from lungfuse.tables.comparison import Comparison
from lungfuse.tables.ingest import ImageIndex, Pairs
from lungfuse.tables.segmentation import MaskQuality
from lungfuse.tables.training import Predictions

ASKED = {"task": "binary", "labels": ["normal", "lung"], "seed": 0}
ROWS = [("late", "raw", "findings"), ("image", "raw", ""), ("text", "", "findings")]


@pytest.fixture
def files(tables, tmp_path):
    """Images of the eighty pairs, a lung mask for each, and scores of three rows."""
    pairs = read_table(tables["pairs"], Pairs)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (80, 32, 32), dtype=np.uint8)
    masks = np.zeros(images.shape, bool)
    masks[:, 8:24, 4:14] = masks[:, 8:24, 18:28] = True
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "masks.npy", masks)
    index = pd.DataFrame({"image_id": pairs["image_id"], "row": np.arange(80), "width": 32, "height": 32})
    write_table(index, tmp_path / "index.csv", ImageIndex)
    quality = index[["image_id"]].assign(area=0.3, components=2, asymmetry=0.1, contrast=40, suspicious="")
    write_table(quality[columns(MaskQuality)], tmp_path / "unet-small.csv", MaskQuality)
    labels = pairs["label"]
    scores = {"late": labels * 0.4 + 0.3, "image": 1 - labels * 0.9, "text": labels * 0.8 + 0.1}
    for row, score in scores.items():
        table = pairs[["pair_id", "fold", "label"]].assign(
            score=score, prediction=(score >= 0.5).astype(int), probability=score, repeat=0
        )
        write_table(table, tmp_path / f"{row}.csv", Predictions)
    names = {"pairs": tables["pairs"], "array": tmp_path / "images.npy", "index": tmp_path / "index.csv"}
    comparison = read_table(tables["comparison_table"], Comparison)
    named = comparison.assign(**dict(zip(["model", "images", "text"], zip(*ROWS, strict=True), strict=True)))
    write_table(named, tables["comparison_table"], Comparison)
    names |= {"comparison_table": tables["comparison_table"]}
    names |= {"predictions": [tmp_path / f"{row}.csv" for row in scores]}
    return names | {"masks": [tmp_path / "masks.npy"], "qualities": [tmp_path / "unet-small.csv"]}


def test_pairs_masks_and_disagreements_are_drawn(files, tmp_path):
    run_stage("pictures", **ASKED, title="demo", notice="drawn", figures=tmp_path / "f", **files)
    words = {path.stem: " ".join(ElementTree.parse(path).getroot().itertext()) for path in (tmp_path / "f").iterdir()}
    assert set(words) == {"examples", "disagreements", "masks_unet-small"}
    assert all("demo (drawn)" in text for text in words.values())
    assert "The lungs are clear." in words["examples"]
    assert "late right, image wrong (late 0." in words["disagreements"]
    assert "text" not in words["masks_unet-small"] and "area 30%" in words["masks_unet-small"]


def test_models_that_agree_on_every_pair_are_said_to(files, tmp_path):
    late, *_ = files["predictions"]
    agreeing = {**files, "predictions": [late] * 3}
    run_stage("pictures", **ASKED, title="demo", notice="", figures=tmp_path, **agreeing)
    assert "agree on every pair" in (tmp_path / "disagreements.svg").read_text()


def test_a_study_without_masks_and_fusion_has_examples_alone(files, tmp_path):
    table = pd.read_csv(files["comparison_table"], dtype=str)[1:]
    table.to_csv(files["comparison_table"], index=False)
    few = {name: files[name] for name in ["pairs", "array", "index", "comparison_table"]}
    few |= {"predictions": files["predictions"][1:]}
    run_stage("pictures", **ASKED, title="tb", notice="", figures=tmp_path / "f", **few)
    assert [path.stem for path in (tmp_path / "f").iterdir()] == ["examples"]


def test_examples_are_of_both_classes_and_the_same_for_a_seed(pairs):
    pairs = pairs.assign(image_id=pairs["pair_id"])
    chosen = examples(BINARY, pairs, seed=1)
    assert pairs["label"][chosen].tolist() == [0] * 4 + [1] * 4
    assert chosen == examples(BINARY, pairs, seed=1) != examples(BINARY, pairs, seed=2)


def test_disagreements_are_of_every_kind_and_the_widest_of_it():
    labels = np.ones((6, 1))
    scores = {"fused": [0.9, 0.6, 0.9, 0.4, 0.4, 0.9], "image": [0.4, 0.1, 0.8, 0.9, 0.2, 0.8]}
    scores |= {"text": [0.8, 0.9, 0.1, 0.3, 0.7, 0.9]}
    found = disagreements(BINARY, {row: np.array(score)[:, None] for row, score in scores.items()}, labels)
    kinds = [(0, True, "image"), (1, True, "image"), (2, True, "text"), (3, False, "image"), (4, False, "text")]
    assert found == [(pair, 0, fused_right, other) for pair, fused_right, other in kinds]


def test_the_best_fused_row_is_shown_beside_its_unimodal_rows():
    rows = [("majority", "", ""), ("text", "", "indication"), *ROWS, ("early", "raw", "findings")]
    rows += [("joint", "raw", "impression"), ("early:shuffled-text", "raw", "findings")]
    table = pd.DataFrame(rows, columns=["model", "images", "text"]).assign(
        structured="", accuracy=[0, 0, 0.8, 0, 0, 0.9, 0.95, 1]
    )
    assert best_fused(table, BINARY) == {"fused": 5, "image": 3, "text": 4}
    assert best_fused(table[:2], BINARY) == {}


def test_a_row_of_three_inputs_is_shown_beside_all_its_unimodal_rows():
    rows = [("structured", "", "", "age"), ("image", "raw", "", ""), ("text", "", "findings", "")]
    rows += [("early", "raw", "findings", "age"), ("late", "raw", "findings", ""), ("joint", "raw", "findings", "sex")]
    table = pd.DataFrame(rows, columns=["model", "images", "text", "structured"]).assign(
        accuracy=[0, 0, 0, 0.8, 0.7, 1]
    )
    assert best_fused(table, BINARY) == {"fused": 3, "image": 1, "text": 2, "structured": 0}
    without = table[1:].reset_index(drop=True)
    assert best_fused(without, BINARY) == {"fused": 3, "image": 0, "text": 1}, "of the others none reads a part alone"


def test_suspicious_masks_come_last_and_usual_ones_first():
    quality = pd.DataFrame(
        {"area": [0.5, 0.3, 0.31, 0.3], "asymmetry": 0.1, "components": 2, "suspicious": ["", "", "", "is too small"]},
        index=["large", "usual", "near", "bad"],
    )
    ordered = list(by_plausibility(quality).index)
    assert ordered[-1] == "bad"
    assert ordered.index("large") > ordered.index("near")

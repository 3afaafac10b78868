import json

import numpy as np
import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.settings.rows import Row
from lungfuse.tables.base import columns, read_table, write_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import FoldPredictions, Predictions, ValidationPredictions
from lungfuse.train import gather, late


@pytest.fixture
def folds(tmp_path):
    """Ninety pairs in three folds; the image scores tell more than the text scores."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"label": np.arange(90) % 2, "group": np.arange(90), "fold": np.arange(90) % 3})
    frame["pair_id"] = frame["report_id"] = frame["image_id"] = [f"P{n:02d}" for n in range(90)]
    frame = frame.assign(text="", site="", comparison="", indication="", findings="", impression="")
    write_table(frame[columns(Pairs)], tmp_path / "pairs.csv", Pairs)
    files = {"pairs": tmp_path / "pairs.csv"}
    for name, strength in [("image", 2.0), ("text", 0.7)]:
        scores = 1 / (1 + np.exp(-strength * rng.normal(2 * frame["label"] - 1, 1)))
        files[name] = []
        for fold in range(3):
            part = np.where(frame["fold"] == fold, "test", np.where(frame["fold"] == (fold + 1) % 3, "validation", ""))
            table = frame.assign(part=part, score=scores, fold=fold, repeat=0)[part != ""]
            files[name].append(tmp_path / f"{name}{fold}.csv")
            write_table(table.sample(frac=1, random_state=fold), files[name][-1], FoldPredictions)
    return files


def fuse(folds, model, path):
    row = Row(model=model, images="raw", text="findings")
    late.main(
        row=row, pairs=folds["pairs"], image_folds=folds["image"], text_folds=folds["text"], predictions=path,
        validated=path.with_suffix(".validated.csv"), settings=path.with_suffix(".json"),
    )  # fmt: skip
    return read_table(path, Predictions)


def test_gathered_scores_are_the_test_scores_in_the_order_of_the_pairs(folds, tmp_path):
    outputs = {"predictions": tmp_path / "out.csv", "validated": tmp_path / "validated.csv"}
    gather.main(pairs=folds["pairs"], fold_predictions=folds["image"], **outputs)
    predictions = read_table(tmp_path / "out.csv", Predictions)
    assert list(predictions["pair_id"]) == [f"P{n:02d}" for n in range(90)]
    first = pd.read_csv(folds["image"][0]).query("part == 'test'").set_index("pair_id")["score"]
    assert predictions.set_index("pair_id")["score"]["P00"] == pytest.approx(first["P00"], abs=1e-6)
    validated = read_table(outputs["validated"], ValidationPredictions)
    assert validated.groupby("fold").size().tolist() == [30, 30, 30], "each fold has its own validation pairs"


def test_a_missing_fold_is_told(folds, tmp_path):
    with pytest.raises(UserError, match=r"out\.csv: 60 test scores for 90 pairs"):
        gather.main(
            pairs=folds["pairs"], fold_predictions=folds["image"][:2], predictions=tmp_path / "out.csv",
            validated=tmp_path / "validated.csv",
        )  # fmt: skip
    assert not (tmp_path / "out.csv").exists()


def test_late_is_the_mean_of_both_scores(folds, tmp_path):
    image, text = (
        pd.concat([pd.read_csv(path) for path in folds[name]]).query("part == 'test'").set_index("pair_id")["score"]
        for name in ["image", "text"]
    )
    fused = fuse(folds, "late", tmp_path / "late.csv").set_index("pair_id")["score"]
    np.testing.assert_allclose(fused, ((image + text) / 2)[fused.index], atol=2e-6)


def test_stacking_learns_which_score_to_trust_from_validation_parts_alone(folds, tmp_path):
    stacked = fuse(folds, "late-stacked", tmp_path / "stacked.csv")
    assert (stacked["prediction"] == stacked["label"]).mean() > 0.85
    spoiled = pd.read_csv(folds["image"][0])
    spoiled.loc[spoiled["part"] == "test", "label"] = 1 - spoiled["label"]
    text = pd.read_csv(folds["text"][0])
    text.loc[text["part"] == "test", "label"] = 1 - text["label"]
    both = spoiled.merge(text, on=["pair_id", "label", "part"], suffixes=("_image", "_text"))
    validation, test = (both[both["part"] == part] for part in ["validation", "test"])
    weights = late.stack(late.scores_of(validation), validation["label"].to_numpy())
    expected = stacked.set_index("pair_id")["score"][test["pair_id"]]
    np.testing.assert_allclose(late.fuse(late.scores_of(test), weights), expected, atol=1e-6)
    kept = json.loads((tmp_path / "stacked.json").read_text())["folds"][0]
    assert kept["weights"] == weights
    assert weights["coefficients"][0] > 0

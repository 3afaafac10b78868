"""Decisions by probability at a threshold, beside those by raw score."""

import numpy as np
import pandas as pd
import pytest
from drawn_scores import HALF, INTERVALS, compared, predicted, validated
from model_configs import model_config
from small_comparison import BINARY, results_of

from lungfuse.analyses.decisions import compute
from lungfuse.compare.probabilities import at_prevalence
from lungfuse.settings.comparison import DecisionSettings


def decided(joined: pd.DataFrame, decision: DecisionSettings = HALF) -> pd.Series:
    return compute(compared([joined]), INTERVALS, 0, decision).iloc[0]


def test_a_moved_threshold_is_seen_beside_the_raw_score():
    joined = predicted(400)
    joined["score"] = joined["probability"] * 0.4  # as a loss that weighs the classes may leave it
    joined["prediction"] = 0
    row = decided(joined)
    right = (joined["probability"] >= 0.5) == joined["label"]
    assert row["accuracy"] == pytest.approx(right.mean(), abs=1e-4)
    assert row["sensitivity"] == pytest.approx(right[joined["label"] == 1].mean(), abs=1e-4)
    assert (row["sensitivity_score"], row["specificity_score"]) == (0, 1)
    assert row["accuracy_score"] == pytest.approx((joined["label"] == 0).mean(), abs=1e-4)
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"] and row["threshold"] == 0.5


def test_dear_misses_lower_the_threshold():
    joined = predicted(400)
    row = decided(joined, DecisionSettings(cost_ratio=4.0, prevalence=None))
    called = joined["probability"] >= 0.2
    assert row["threshold"] == 0.2
    assert row["sensitivity"] == pytest.approx(called[joined["label"] == 1].mean(), abs=1e-4)
    assert row["specificity"] == pytest.approx((~called)[joined["label"] == 0].mean(), abs=1e-4)


def test_a_stated_prevalence_shifts_the_odds_and_weighs_the_accuracy():
    joined = predicted(400, repeats=2)
    row = decided(joined, DecisionSettings(cost_ratio=1.0, prevalence=0.1))
    assert row["prevalence"] == 0.1
    assert row["accuracy"] == pytest.approx(0.1 * row["sensitivity"] + 0.9 * row["specificity"], abs=1e-4)
    assert row["specificity"] > decided(joined)["specificity"] > row["sensitivity"]


def test_at_the_prevalence_of_the_pairs_probabilities_stay_as_they_are():
    joined, task = predicted(4000, mean=-2), BINARY
    share = joined["label"].mean()
    same = at_prevalence(task, joined, validated(joined), {"lung": share})
    np.testing.assert_allclose(same[:, 0], joined["probability"], atol=0.04)
    assert at_prevalence(task, joined, validated(joined), {"lung": 0.01}).max() < joined["probability"].max()


@pytest.mark.parametrize("name", ["multiclass", "multilabel"])
def test_several_labels_have_a_row_each_and_their_mean(draw, name):
    drawn = draw(name)
    joined = drawn.joined(noise=1, repeats=2)
    results = results_of({"image": model_config("image", images="raw")}, [joined], task=drawn.task)
    table = compute(results, INTERVALS, 0, HALF)
    assert table["label"].tolist() == ["", *drawn.task.labels]
    for measure in ["sensitivity", "specificity"]:
        assert table.loc[0, measure] == pytest.approx(table.loc[1:, measure].mean(), abs=1e-4)
    right = drawn.task.correct(drawn.task.targets(joined), drawn.task.of("prediction", joined))
    if name == "multiclass":
        assert table.loc[0, "accuracy"] == table.loc[0, "accuracy_score"] == pytest.approx(right.mean(), abs=1e-4)
        assert table.loc[0, "balanced_accuracy"] == table.loc[0, "sensitivity"] and table["threshold"].isna().all()


def test_a_study_whose_models_read_nothing_has_the_row_of_all_classes(draw):
    drawn = draw("multiclass")
    results = results_of({"majority": model_config("majority")}, [drawn.joined(noise=1)], task=drawn.task)
    table = compute(results, INTERVALS, 0, HALF)
    assert table["label"].tolist() == [""] and table["prevalence"].isna().all()


def test_classes_are_decided_at_their_stated_prevalence(draw):
    drawn = draw("multiclass")
    joined = drawn.joined(noise=2)
    shares = dict(zip(drawn.task.labels, [0.98, 0.01, 0.01], strict=True))
    known = [joined.assign(fold=(joined["fold"] - 1) % 4)]
    models = {"image": model_config("image", images="raw")}
    results = results_of(models, [joined], task=drawn.task, validation_predictions=known)
    moved = compute(results, INTERVALS, 0, DecisionSettings(cost_ratio=1.0, prevalence=shares)).set_index("label")
    before = compute(results, INTERVALS, 0, HALF).set_index("label")
    assert moved.loc["clear", "sensitivity"] > before.loc["clear", "sensitivity"]
    assert moved.loc["nodule", "sensitivity"] < before.loc["nodule", "sensitivity"]
    assert moved.loc["", "accuracy"] == pytest.approx(moved["sensitivity"].iloc[1:] @ [0.98, 0.01, 0.01], abs=1e-4)

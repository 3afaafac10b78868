"""Prediction sets from validation pairs, checked on test pairs."""

import numpy as np
import pytest
from drawn_scores import INTERVALS, compared, predicted
from model_configs import model_config
from scipy.special import expit, logit
from small_comparison import results_of

from lungfuse.analyses.conformal import compute, draw


@pytest.fixture
def results():
    return compared([predicted(1500, repeats=2)])


def test_sets_hold_nine_of_ten_test_pairs_and_each_class_where_each_has_a_threshold(results):
    table = compute(results, INTERVALS, 0).set_index(["method", "of"])
    assert table.loc["lac", "coverage"][""] == pytest.approx(0.9, abs=0.02)
    assert table.loc["class-conditional", "coverage"].tolist() == pytest.approx([0.9] * 3, abs=0.03)
    assert table["size"].between(1, 2).all() and (table["coverage_low"] < table["coverage"]).all()
    every = table.loc[("lac", "")]
    assert every["size"] == pytest.approx(2 - every["singletons"], abs=1e-4), "sets of one class or both"


def test_sets_hold_fewer_where_test_pairs_are_not_as_those_they_were_made_from(results):
    joined = results.joined[0]
    shifted = joined.assign(probability=expit(logit(joined["probability"]) * 0.2 + 2))
    results.joined = [shifted]
    table = compute(results, INTERVALS, 0).set_index(["method", "of"])
    assert table.loc[("lac", "normal"), "coverage_high"] < 0.9


def test_a_surer_model_has_smaller_sets():
    table = compute(compared([predicted(600), predicted(600, noise=3, sharpness=0.2)]), INTERVALS, 0)
    every = table[(table["method"] == "lac") & (table["of"] == "")].set_index("row")
    assert every.loc["image0", "size"] < every.loc["image1", "size"]
    assert every.loc["image0", "singletons"] > every.loc["image1", "singletons"]


@pytest.mark.parametrize("name", ["multiclass", "multilabel"])
def test_classes_share_a_set_and_each_label_has_its_own(draw, name):
    drawn = draw(name)
    joined = drawn.joined(noise=1, repeats=2)
    known = [joined.assign(fold=(joined["fold"] - 1) % 4)]
    models = {"image": model_config("image", images="raw")}
    results = results_of(models, [joined], [0.8], task=drawn.task, validation_predictions=known)
    table = compute(results, INTERVALS, 0)
    lac = table[table["method"] == "lac"]
    if name == "multiclass":
        assert lac["of"].tolist() == ["", *drawn.task.labels]
        assert lac["n"].tolist() == [120, *np.bincount(drawn.pairs["label"])]
    else:
        assert lac["of"].tolist()[-3:] == ["", "no nodule", "nodule"]
        unknown = drawn.pairs["label_nodule"].isna().sum()
        assert lac.set_index(["label", "of"]).loc[("nodule", ""), "n"] == 120 - unknown


def test_the_figure_has_a_panel_a_class_with_both_methods(results):
    panels = draw(compute(results, INTERVALS, 0), "drawn").axes
    assert [panel.get_title(loc="left") for panel in panels] == ["all pairs", "normal", "lung"]

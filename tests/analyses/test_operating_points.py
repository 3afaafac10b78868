"""Thresholds are chosen on validation pairs, and scored on test pairs."""

import numpy as np
import pandas as pd
import pytest
from drawn_scores import INTERVALS, compared, predicted

from lungfuse.analyses.operating_points import chosen_thresholds, compute, draw, threshold_for
from lungfuse.errors import UserError


@pytest.fixture
def results():
    return compared([predicted(1200, repeats=2)])


def test_the_threshold_is_the_highest_that_reaches_the_sensitivity():
    positives = np.array([0.9, 0.2, 0.4, 0.6, 0.8])
    assert [threshold_for(positives, required) for required in [0.2, 0.6, 0.8, 0.81, 1]] == [0.9, 0.6, 0.4, 0.2, 0.2]
    assert np.isnan(threshold_for(np.array([]), 0.9))


def test_test_pairs_have_about_the_sensitivity_that_is_required(results):
    table = compute(compared([predicted(4000)]), INTERVALS, 0, [0.8, 0.9]).set_index("required")
    assert table["sensitivity"].tolist() == pytest.approx([0.8, 0.9], abs=0.03)
    assert table["sensitivity_low"].lt(table["sensitivity"]).all() and table["specificity_high"].lt(0.9).all()
    assert table.loc[0.8, "specificity"] > table.loc[0.9, "specificity"] and table.loc[0.8, "threshold"] > 0.3
    assert table["threshold_low"].lt(table["threshold_high"]).all() and table["n"].tolist() == [4000, 4000]


def test_no_test_pair_has_a_part_in_the_choice(results):
    joined, validated = results.joined[0], results.validated[0]
    before = chosen_thresholds(results.task, joined, validated, [0.9])[0][1]
    upside_down = joined.assign(probability=1 - joined["probability"], label=1 - joined["label"])
    np.testing.assert_array_equal(before, chosen_thresholds(results.task, upside_down, validated, [0.9])[0][1])
    other = validated.assign(score=validated["score"].mask(validated["fold"] == 0, 0.3))
    after = chosen_thresholds(results.task, joined, other, [0.9])[0][1]
    moved = pd.Series((before != after).any(axis=1)).groupby(joined["fold"]).mean()
    assert moved.tolist() == [1, 0, 0, 0], "those of fold 0 choose its thresholds alone"


def test_a_fold_without_validation_pairs_of_the_label_is_left_out(results):
    validated = results.validated[0]
    results.validated = [validated.assign(label=validated["label"].mask(validated["fold"] == 1, 0))]
    assert compute(results, INTERVALS, 0, [0.9])["n"].tolist() == [900]


def test_a_training_without_validation_pairs_is_named(results):
    validated = results.validated[0]
    results.validated = [validated[(validated["fold"] != 2) | (validated["repeat"] != 1)]]
    with pytest.raises(UserError, match="found none of repeat 1, fold 2, expected those of every fold"):
        compute(results, INTERVALS, 0, [0.9])


def test_the_figure_has_a_panel_a_sensitivity(results):
    panels = draw(compute(results, INTERVALS, 0, [0.8, 0.9]), "drawn").axes
    assert [panel.get_title(loc="left") for panel in panels] == [
        "lung: sensitivity 0.8 required", "lung: sensitivity 0.9 required"
    ]  # fmt: skip

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    recall_score,
    roc_auc_score,
)
from small_comparison import BINARY

from lungfuse.compare.paired import difference_of_shares, p_of_shares
from lungfuse.compare.scores import corrected, score_with_intervals
from lungfuse.measures import of_one_label
from lungfuse.statistics import bootstrap


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    scores = np.clip(rng.normal(0.35 + 0.3 * labels, 0.25), 0, 1).round(2)  # with ties
    return labels, scores, (scores >= 0.5).astype(int)


def joined(labels, scores, predictions, groups) -> pd.DataFrame:
    return pd.DataFrame({"label": labels, "score": scores, "prediction": predictions, "group": groups, "repeat": 0})


def test_scores_are_those_of_scikit_learn(sample):
    labels, scores, predictions = sample
    weights = np.random.default_rng(1).integers(0, 4, (5, 300))
    found = of_one_label(labels, scores, predictions, weights)
    for resample, weight in enumerate(weights):
        expected = [
            accuracy_score(labels, predictions, sample_weight=weight),
            roc_auc_score(labels, scores, sample_weight=weight),
            balanced_accuracy_score(labels, predictions, sample_weight=weight),
            average_precision_score(labels, scores, sample_weight=weight),
            recall_score(labels, predictions, sample_weight=weight),
            recall_score(labels, predictions, sample_weight=weight, pos_label=0),
        ]
        np.testing.assert_allclose(found[:, resample], expected)


def test_independent_rows_give_the_interval_of_the_binomial(sample):
    value, low, high = score_with_intervals(BINARY, joined(*sample, np.arange(300)), 0.95, 4000, seed=0)["accuracy"]
    half = 1.96 * np.sqrt(value * (1 - value) / 300)
    assert low == pytest.approx(value - half, abs=0.01)
    assert high == pytest.approx(value + half, abs=0.01)


def test_repeated_rows_do_not_narrow_the_interval(sample):
    _, low, high = score_with_intervals(BINARY, joined(*sample, np.arange(300)), 0.95, 2000, seed=0)["auroc"]
    fourfold = [np.tile(array, 4) for array in [*sample, np.arange(300)]]
    _, low_4, high_4 = score_with_intervals(BINARY, joined(*fourfold), 0.95, 2000, seed=0)["auroc"]
    assert high_4 - low_4 == pytest.approx(high - low, rel=0.05)


def test_what_is_drawn_does_not_depend_on_how_much_is_drawn_at_once(sample, monkeypatch):
    groups, first, second = np.arange(300) // 2, sample[0] == sample[2], sample[0] == 1

    def found() -> tuple:
        together = (groups, 0.95, 700, 0)
        apart = (groups, 700, 0)
        difference = difference_of_shares(first, second, *together)
        return (
            score_with_intervals(BINARY, joined(*sample, groups), *together[1:]),
            difference,
            p_of_shares(first, second, *apart),
        )

    at_once = found()
    monkeypatch.setattr(bootstrap, "CELLS", 900)
    assert found() == at_once


def test_the_paired_test_is_exact_for_few_differences():
    """Three groups differ, all for the first model: 2 of 8 exchanges are as extreme."""
    first = np.array([1, 1, 1, 1, 0, 0], bool)
    second = np.array([0, 0, 0, 1, 0, 0], bool)
    assert p_of_shares(first, second, np.arange(6), 1000, seed=0) == pytest.approx(2 / 8)


def test_the_paired_test_counts_groups_not_rows():
    first, second = np.ones(12, bool), np.zeros(12, bool)
    assert p_of_shares(first, second, np.zeros(12), 1000, seed=0) == 1.0
    assert p_of_shares(first, second, np.arange(12), 5000, seed=0) < 0.01


def test_several_trainings_of_the_same_answers_change_neither_p_nor_interval():
    rng = np.random.default_rng(0)
    first, second = rng.random(60) < 0.8, rng.random(60) < 0.6
    groups = np.arange(60)
    assert p_of_shares(np.stack([first] * 3), second, groups, 2000, 0) == p_of_shares(first, second, groups, 2000, 0)
    once = difference_of_shares(first, second, groups, 0.95, 2000, 0)
    thrice = difference_of_shares(np.stack([first] * 3), second, groups, 0.95, 2000, 0)
    assert thrice == pytest.approx(once, abs=0.02)


def test_holm_multiplies_the_least_p_most_and_keeps_their_order():
    """The example of Holm's paper has the form p(1) * 4, p(2) * 3, ...; a missing p is in no family."""
    found = corrected(pd.Series([0.01, 0.04, np.nan, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.03, 0.06, np.nan, 0.06, 0.02])


def test_equal_models_have_p_1():
    correct = np.array([True, False, True])
    assert p_of_shares(correct, correct, np.arange(3), 100, seed=0) == 1.0

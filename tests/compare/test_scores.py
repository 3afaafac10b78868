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

from lungfuse.compare.scores import primary_with_limits, score_with_intervals
from lungfuse.measures import of_one_label
from lungfuse.statistics import bootstrap


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    scores = np.clip(rng.normal(0.35 + 0.3 * labels, 0.25), 0, 1).round(2)  # with ties
    return labels, scores, (scores >= 0.5).astype(int)


def joined(labels, scores, predictions, groups) -> pd.DataFrame:
    return pd.DataFrame(
        {"label": labels, "score": scores, "prediction": predictions, "group": groups, "repeat": 0, "fold": 0}
    )


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
    cases = joined(*sample, np.arange(300) // 2)
    at_once = score_with_intervals(BINARY, cases, 0.95, 700, 0)
    monkeypatch.setattr(bootstrap, "CELLS", 900)
    assert score_with_intervals(BINARY, cases, 0.95, 700, 0) == at_once


def test_the_auroc_is_that_within_folds_with_limits_inside_0_and_1(sample):
    labels, scores, predictions = sample
    folds = np.arange(300) % 2
    cases = joined(labels, 0.5 * scores + 0.5 * folds, predictions, np.arange(300)).assign(fold=folds)
    value, low, high = score_with_intervals(BINARY, cases, 0.95, 100, 0)["auroc"]
    assert value == pytest.approx(np.mean([roc_auc_score(labels[folds == n], scores[folds == n]) for n in (0, 1)]))
    assert low < value < high
    nearly = joined(labels, 0.3 * labels + 0.7 * scores, labels, np.arange(300))
    _, low, high = primary_with_limits(BINARY, nearly, 0.95)
    assert 0.9 < low < high < 1
    assert primary_with_limits(BINARY, joined(labels, labels * 1.0, labels, np.arange(300)), 0.95) == (1, 1, 1)
    assert np.isnan(primary_with_limits(BINARY, joined(labels, scores, labels, np.zeros(300)), 0.95)[1:]).all()

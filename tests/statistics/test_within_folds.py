import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lungfuse.statistics.within_folds import (
    auroc_within_folds,
    mean_within_folds,
    picked_by_fold,
    picked_by_label,
    stacked,
)


@pytest.fixture
def cases():
    rng = np.random.default_rng(0)
    label, fold = rng.integers(0, 2, 300).astype(float), np.arange(300) % 3
    return label, (label + rng.normal(0, 1.5, 300)).round(1), fold  # with ties


def test_the_score_is_the_mean_of_the_folds_weighed_by_their_cases(cases):
    label, score, fold = cases
    fold = np.where(np.arange(300) < 200, 0, fold)
    of_fold = [roc_auc_score(label[fold == n], score[fold == n]) for n in range(3)]
    found = auroc_within_folds(label, score, fold, 3)
    np.testing.assert_allclose(found.of_fold[0], of_fold)
    assert found.value == pytest.approx(np.average(of_fold, weights=np.bincount(fold)))


def test_scales_of_folds_do_not_matter(cases):
    label, score, fold = cases
    found = auroc_within_folds(label, score + 100 * fold, fold, 3)
    assert found.value == auroc_within_folds(label, score, fold, 3).value
    assert roc_auc_score(label, score + 100 * fold) < found.value - 0.1  # pooled, they do


def test_the_influence_is_what_leaving_a_case_out_changes(cases):
    """To first order: the score without a case, and the rest as it was."""
    label, score, fold = cases
    found, case = auroc_within_folds(label, score, fold, 3), 5
    without = np.where(np.arange(300) == case, np.nan, label)
    changed = auroc_within_folds(without, score, fold, 3).of_fold[0, fold[case]] - found.of_fold[0, fold[case]]
    assert changed * found.weight[0, fold[case]] == pytest.approx(-found.influence[0, case], rel=0.05)
    assert np.bincount(fold, found.influence[0]) == pytest.approx(0)


def test_labels_that_are_not_known_do_not_count(cases):
    label, score, fold = cases
    label[:100] = np.nan
    found = auroc_within_folds(label, score, fold, 3)
    assert not found.influence[0, :100].any()
    assert found.value == pytest.approx(auroc_within_folds(label[100:], score[100:], fold[100:], 3).value)


def test_a_fold_of_one_class_is_left_out_and_so_is_a_label_of_one(cases):
    label, score, fold = cases
    label[fold == 2] = 0
    found = auroc_within_folds(label, score, fold, 3)
    assert np.isnan(found.of_fold[0, 2]) and found.weight[0, 2] == 0
    both = stacked([found, auroc_within_folds(np.zeros(300), score, fold, 3)])
    assert both.value == found.value and np.isnan(both.by_label[1])
    np.testing.assert_array_equal(both.moved, found.moved)


def test_a_mean_within_folds_is_the_mean():
    right = np.array([1, 0, 1, 1, np.nan, 0])
    assert mean_within_folds(right, np.array([0, 0, 0, 1, 1, 1]), 2).value == pytest.approx(0.6)


def test_models_are_picked_fold_by_fold_and_label_by_label(cases):
    label, score, fold = cases
    models = [
        stacked(
            [auroc_within_folds(label, score * sign, fold, 3), auroc_within_folds(1 - label, score * sign, fold, 3)]
        )
        for sign in (1, -1)
    ]
    picked = picked_by_fold(models, np.array([0, 1, 0]))
    np.testing.assert_array_equal(picked.of_fold[:, 1], models[1].of_fold[:, 1])
    np.testing.assert_array_equal(picked.influence[:, fold == 2], models[0].influence[:, fold == 2])
    best = picked_by_label(models, np.array([[0, 0, 0], [1, 1, 1]]))
    assert best.value == pytest.approx(models[0].by_label[0])

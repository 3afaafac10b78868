"""A number in a range: scores that are shares of it, concordance that is the AUROC of two numbers, and R2."""

import numpy as np
import pandas as pd
import pytest
import torch
from model_configs import model_config
from scipy.special import expit
from scipy.stats import kendalltau
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mean_absolute_error, r2_score

from lungfuse.statistics.gains import gain
from lungfuse.statistics.within_folds import (
    auroc_within_folds,
    concordance_within_folds,
    explained_within_folds,
)
from lungfuse.tasks import load_task
from lungfuse.train.estimators import build, fit, score

AGE = load_task("regression", ["age", "20", "80"])
FOLD = np.arange(200) % 4


@pytest.fixture
def numbers() -> tuple[np.ndarray, np.ndarray]:
    """Ages, and scores that follow them."""
    rng = np.random.default_rng(0)
    ages = rng.uniform(25, 75, 200)
    return ages, expit((ages - 50) / 10 + rng.normal(size=200))


def test_a_score_is_the_share_of_the_range_and_decides_for_a_number_in_its_unit():
    assert AGE.columns("score") == ["score"] and not AGE.two_classes and AGE.one_score
    assert AGE.decide(np.array([[0.0], [0.5], [1.0]])).tolist() == [[20], [50], [80]]
    assert AGE.correct(np.array([[50.0]]), np.array([[56.0]])) == pytest.approx([0.9])


def test_the_loss_is_least_where_the_score_is_the_share():
    logits = torch.zeros(1, 2, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=50)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = AGE.loss(logits, torch.tensor([[38.0]]), torch.ones(2), 0.3)
        value.backward()
        return value

    optimizer.step(loss)
    assert AGE.scores(logits).item() == pytest.approx(0.3, abs=1e-3)


def test_the_measures_are_those_of_scikit_learn(numbers):
    ages, scores = numbers
    found = AGE.decide(scores[:, None])[:, 0]
    measured = AGE.measures(ages[:, None], scores[:, None], found[:, None], np.ones((1, 200)))[:, 0]
    r2, mae, rmse = measured
    assert r2 == pytest.approx(r2_score(ages, found))
    assert mae == pytest.approx(mean_absolute_error(ages, found))
    assert rmse == pytest.approx(np.sqrt(np.square(ages - found).mean()))


def test_concordance_of_two_numbers_is_the_auroc_and_each_case_moves_it_as_much(numbers):
    labels, scores = (numbers[0] > 50).astype(float), numbers[1].round(1)
    ranked, known = concordance_within_folds(labels, scores, FOLD, 4), auroc_within_folds(labels, scores, FOLD, 4)
    np.testing.assert_allclose(ranked.of_fold, known.of_fold)
    np.testing.assert_allclose(ranked.influence, known.influence, atol=1e-12)


def test_concordance_is_that_of_kendall_where_nothing_is_tied(numbers):
    ranked = concordance_within_folds(*numbers, np.zeros(200, int), 1)
    assert ranked.value == pytest.approx((1 + kendalltau(*numbers).statistic) / 2)


@pytest.mark.parametrize("score_of", [concordance_within_folds, explained_within_folds])
def test_the_influence_of_cases_gives_the_error_that_a_bootstrap_gives(numbers, score_of):
    ages, scores = numbers
    found, one = AGE.decide(scores), np.zeros(200, int)
    training = score_of(ages, found, one, 1)
    assert training.influence.sum() == pytest.approx(0, abs=1e-12)
    error = gain([training], [training.at(0)], np.arange(200)).error
    rng = np.random.default_rng(1)
    drawn = [score_of(ages[rows], found[rows], one, 1).value for rows in rng.integers(0, 200, (300, 200))]
    assert error == pytest.approx(np.std(drawn), rel=0.15)


def test_an_unknown_number_takes_no_part(numbers):
    ages, scores = numbers
    some = np.where(np.arange(200) < 20, np.nan, ages)
    for score_of in [concordance_within_folds, explained_within_folds]:
        left = score_of(ages[20:], scores[20:], FOLD[20:], 4)
        assert score_of(some, scores, FOLD, 4).value == pytest.approx(left.value)


def test_an_estimator_of_classes_learns_the_share_of_the_range(numbers):
    """As a logistic regression of the share does, whose mean residual is nothing."""
    ages, scores = numbers
    inputs = np.log(scores / (1 - scores))[:, None]
    models = fit(LogisticRegression(C=1e6), inputs, AGE.shares(ages[:, None]), np.arange(200))
    found = score(models, inputs, AGE)
    assert found.shape == (200, 1)
    assert AGE.decide(found).mean() == pytest.approx(ages.mean(), abs=0.05)
    assert r2_score(ages, AGE.decide(found)[:, 0]) > 0.5


def test_the_ends_of_a_range_are_no_classes_to_balance():
    config = model_config("logistic", structured=["age"], task="regression", class_weights="balanced")
    assert build(config, kinds={"age": "number"})[-1].class_weight is None


def test_calibration_makes_a_score_that_is_too_sure_the_share_again(numbers):
    ages, _ = numbers
    share = AGE.shares(ages[:, None])
    sure = expit(2 * np.log(share / (1 - share)) + 0.5)
    np.testing.assert_allclose(AGE.probabilities(sure, AGE.calibrate(sure, ages[:, None])), share, atol=0.01)


def test_folds_have_the_same_share_of_each_fifth_of_the_numbers():
    strata = AGE.strata(np.arange(100.0)[:, None])
    assert strata.sum(axis=0).tolist() == [20] * 5 and (strata.sum(axis=1) == 1).all()
    assert (AGE.strata(np.full((7, 1), 30.0)).sum(axis=1) == 1).all()


def test_what_counts_classes_sees_two_halves():
    halves, frame = AGE.in_classes(pd.DataFrame({"label": [21.0, 40, 50, 79]}))
    assert halves.labels == ["age up to 45", "age above 45"] and frame["label"].tolist() == [0, 0, 1, 1]

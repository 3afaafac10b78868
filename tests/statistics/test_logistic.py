"""Logistic regressions, and their bootstrap by one step."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from lungfuse.statistics.grouped import Grouped, interval
from lungfuse.statistics.logistic import fitted, knots_of, spline, step_quantities, stepped, straight


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Log odds, and labels of the true odds, which are less extreme."""
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 2, 300)
    return odds, (rng.random(300) < expit(0.6 * odds - 0.3)).astype(float)


def test_the_coefficients_are_those_of_maximum_likelihood(drawn):
    odds, labels = drawn
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(odds[:, None], labels)
    assert fitted(straight(odds), labels) == pytest.approx([reference.intercept_[0], reference.coef_[0, 0]], abs=1e-5)


def test_with_an_offset_the_slope_is_held_and_the_mean_is_that_of_the_labels(drawn):
    odds, labels = drawn
    intercept = fitted(np.ones((300, 1)), labels, odds)
    assert expit(odds + intercept).mean() == pytest.approx(labels.mean())


def test_separated_labels_have_no_coefficients():
    odds = np.linspace(-3, 3, 20)
    assert np.isnan(fitted(straight(odds), (odds > 0).astype(float))).all()


def test_one_step_finds_nearly_what_a_bootstrap_of_full_fits_finds(drawn):
    odds, labels = drawn
    found, grouped = fitted(straight(odds), labels), Grouped(np.arange(300), np.zeros(300), 1000, seed=0)
    quantities = step_quantities(straight(odds), labels, found)
    limits = interval(grouped.values(grouped.sums(quantities), stepped(found[None])), 0.95)
    assert limits[:, 0] == pytest.approx(found)
    rng = np.random.default_rng(1)
    drawn_again = [rng.integers(300, size=300) for _ in range(1000)]
    refitted = [fitted(straight(odds[rows]), labels[rows]) for rows in drawn_again]
    np.testing.assert_allclose(limits[:, 1:], np.quantile(refitted, [0.025, 0.975], axis=0).T, atol=0.04)


def test_a_spline_bends_between_its_knots_and_is_straight_beyond():
    values = np.random.default_rng(0).normal(size=500)
    knots = knots_of(values)
    beyond = spline(np.array([4.0, 5.0, 6.0, -4.0, -5.0, -6.0]), knots)
    np.testing.assert_allclose(np.diff(beyond[:3], n=2, axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.diff(beyond[3:], n=2, axis=0), 0, atol=1e-9)
    labels = (np.random.default_rng(1).random(500) < expit(np.sin(2 * values))).astype(float)
    expected = expit(spline(values, knots) @ fitted(spline(values, knots), labels))
    near = np.abs(values) < 1
    assert np.abs(expected - expit(np.sin(2 * values)))[near].max() < 0.15
    assert knots_of(np.array([0.0] * 9 + [1.0])) is None

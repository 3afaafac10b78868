import numpy as np
import pytest
from scipy.special import expit

from lungfuse.train.calibration import calibrate, log_odds, slope_of


def drawn(count: int, temperature: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose log odds are too extreme and shifted, and the labels of their true probabilities."""
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 1.5, count)
    return expit(odds * temperature + shift), (rng.random(count) < expit(odds)).astype(int)


def test_calibration_undoes_temperature_and_the_weights_of_classes():
    scores, labels = drawn(20_000, temperature=3, shift=1.5)
    found = calibrate(scores, labels)
    assert found.slope == pytest.approx(1 / 3, abs=0.02)
    assert found.intercept == pytest.approx(-0.5, abs=0.05)
    assert slope_of(scores, labels) == pytest.approx(1 / 3, abs=0.02)
    assert slope_of(found.apply(scores), labels) == pytest.approx(1, abs=0.05)


def test_a_calibrated_score_ranks_as_the_score_does():
    scores, labels = drawn(60, temperature=3, shift=0)
    backwards = calibrate(scores, 1 - labels).apply(scores)
    assert (np.argsort(backwards, kind="stable") == np.argsort(scores, kind="stable")).all()


def test_few_pairs_told_apart_without_a_fault_make_no_certainty():
    scores, labels = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]), np.array([0, 0, 0, 1, 1, 1])
    assert calibrate(scores, labels).apply(np.array([0.95]))[0] < 0.97
    assert np.isnan(slope_of(scores, labels))


def test_constant_scores_become_the_share_of_positives():
    labels = np.array([0, 0, 0, 1] * 50)
    assert calibrate(np.full(200, 0.5), labels).apply(np.array([0.5]))[0] == pytest.approx(0.25, abs=0.02)
    assert np.isnan(slope_of(np.full(200, 0.5), labels))


def test_log_odds_of_certain_scores_are_finite():
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()

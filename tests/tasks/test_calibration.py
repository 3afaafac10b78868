import numpy as np
import pytest
from scipy.special import expit

from lungfuse.calibration import log_odds
from lungfuse.statistics.logistic import fitted, straight
from lungfuse.tasks import load_task

BINARY = load_task("binary", ["normal", "lung"])


def drawn(count: int, temperature: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose log odds are too extreme and shifted, and the labels of their true probabilities."""
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 1.5, count)
    return expit(odds * temperature + shift), (rng.random(count) < expit(odds)).astype(int)


def calibrate(scores: np.ndarray, labels: np.ndarray):
    """The calibration of a binary task, and a function that applies it, both of arrays (pair,)."""
    found = BINARY.calibrate(scores[:, None], labels[:, None])
    return found, lambda scores: BINARY.probabilities(scores[:, None], found)[:, 0]


def test_calibration_undoes_temperature_and_the_weights_of_classes():
    scores, labels = drawn(20_000, temperature=3, shift=1.5)
    found, apply = calibrate(scores, labels)
    assert found.slope == [pytest.approx(1 / 3, abs=0.02)]
    assert found.intercept == [pytest.approx(-0.5, abs=0.05)]
    assert fitted(straight(log_odds(apply(scores))), labels) == pytest.approx([0, 1], abs=0.05)


def test_a_calibrated_score_ranks_as_the_score_does():
    scores, labels = drawn(60, temperature=3, shift=0)
    _, apply = calibrate(scores, 1 - labels)
    assert (np.argsort(apply(scores), kind="stable") == np.argsort(scores, kind="stable")).all()


def test_few_pairs_distinguished_without_a_fault_make_no_certainty():
    scores, labels = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]), np.array([0, 0, 0, 1, 1, 1])
    _, apply = calibrate(scores, labels)
    assert apply(np.array([0.95]))[0] < 0.97


def test_constant_scores_become_the_share_of_positives():
    labels = np.array([0, 0, 0, 1] * 50)
    _, apply = calibrate(np.full(200, 0.5), labels)
    assert apply(np.array([0.5]))[0] == pytest.approx(0.25, abs=0.02)


def test_log_odds_of_certain_scores_are_finite():
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()


def test_classes_get_back_their_temperature_and_their_shares():
    """Scores that are too extreme, of a network that learned from classes of equal size."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, (20_000, 3))
    true = np.exp(logits + np.array([1.0, 0.0, -1.0]))
    true /= true.sum(axis=1, keepdims=True)
    labels = (true.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    sharp = np.exp(2 * logits)
    task = load_task("multiclass", ["a", "b", "c"])
    scores = sharp / sharp.sum(axis=1, keepdims=True)
    found = task.calibrate(scores, labels[:, None].astype(float))
    assert found.slope == [pytest.approx(0.5, abs=0.02)] * 3
    np.testing.assert_allclose(task.probabilities(scores, found).mean(axis=0), true.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(task.probabilities(scores, found).sum(axis=1), 1)


def test_each_label_is_calibrated_by_the_pairs_where_it_is_known():
    scores, labels = drawn(4000, temperature=3, shift=0)
    targets = np.stack([labels, np.where(np.arange(4000) % 2, labels, np.nan), np.zeros(4000)], axis=1)
    task = load_task("multilabel", ["known", "half", "never"])
    found = task.calibrate(np.stack([scores] * 3, axis=1), targets)
    assert found.slope[:2] == pytest.approx([1 / 3, 1 / 3], abs=0.05)
    assert (found.slope[2], found.intercept[2]) == (1, 0), "a label of one class keeps its scores"

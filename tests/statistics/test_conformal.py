"""Prediction sets hold the right class as often as they promise, where pairs are exchangeable."""

import numpy as np
import pytest
from scipy.special import softmax

from lungfuse.statistics.conformal import CLASS_CONDITIONAL, LAC, least_probability, prediction_sets


def drawn(count: int, seed: int, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of three classes, of which the last is rare, and the classes; `offset` favours the last one."""
    rng = np.random.default_rng(seed)
    logits = rng.normal([0, 0, -2], 2, (count, 3))
    true = softmax(logits + np.array([0, 0, offset]), axis=1)
    return softmax(logits, axis=1), (true.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)


def coverage(method: str, offset: float = 0.0) -> tuple[float, np.ndarray]:
    """The share of right classes in sets of 40 draws, of all pairs and of each class."""
    held, of_class = [], []
    for seed in range(40):
        calibrating, classes = drawn(200, seed)
        probabilities, right = drawn(500, 1000 + seed, offset)
        sets = prediction_sets(calibrating, classes, probabilities, 0.9, method)
        held.append(sets[np.arange(500), right])
        of_class.append(right)
    held, of_class = np.concatenate(held), np.concatenate(of_class)
    return held.mean(), np.array([held[of_class == number].mean() for number in range(3)])


def test_sets_hold_nine_of_ten_exchangeable_pairs_but_not_of_each_class():
    every, each = coverage(LAC)
    assert every == pytest.approx(0.9, abs=0.015)
    assert each[2] < 0.8, "the rare class pays for it"


def test_a_threshold_for_each_class_holds_each_of_them():
    each = coverage(CLASS_CONDITIONAL)[1]
    assert each[:2] == pytest.approx([0.9] * 2, abs=0.015)
    assert 0.9 < each[2] < 0.95, "of a dozen pairs no threshold has just nine of ten"


def test_sets_hold_fewer_where_the_classes_are_others_than_those_calibrated_on():
    assert coverage(LAC, offset=3)[0] < 0.8


def test_the_threshold_has_the_rank_that_the_number_of_pairs_asks_for():
    own = np.arange(1, 20) / 20  # 19 pairs: 18 of 20 places are 90 %
    assert least_probability(own, 0.9) == 0.1
    assert least_probability(own[:8], 0.9) == -np.inf, "eight pairs cannot promise it"

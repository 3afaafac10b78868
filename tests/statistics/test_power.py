import numpy as np
import pytest
from scipy.stats import norm

from lungfuse.statistics.gains import word
from lungfuse.statistics.power import Seen, variance_of_auroc, variance_of_difference


def test_the_variance_of_an_auroc_is_near_that_of_drawn_ones():
    rng, positives, negatives = np.random.default_rng(0), 80, 120
    drawn = [(rng.normal(1, 1, (positives, 1)) > rng.normal(0, 1, negatives)).mean() for _ in range(800)]
    expected = norm.cdf(1 / np.sqrt(2))
    assert np.var(drawn) == pytest.approx(variance_of_auroc(expected, positives, negatives), rel=0.15)


def test_the_variance_of_a_difference_falls_with_correlation_and_with_labels_and_near_one_is_that_below_it():
    classes, two = np.array([[100, 100]]), np.array([[100, 100]] * 2)
    apart, together = (variance_of_difference(np.array([0.8]), 0.02, classes, r) for r in (0, 0.9))
    assert together < apart / 5
    assert variance_of_difference(np.array([0.8, 0.8]), 0.02, two, 0) == pytest.approx(apart / 2)
    at_most = [variance_of_difference(np.array([value]), 0.02, classes, 0.5) for value in (0.98, 0.999)]
    assert at_most[0] == at_most[1] == pytest.approx(float(variance_of_auroc(0.98, 100, 100)))


def seen(value: float, error: float = 0.01, of_training: float = 0.0, degrees: float = 1e6) -> Seen:
    return Seen(value, error**2 - of_training, of_training, 1.96, 1.96, degrees)


@pytest.mark.parametrize(("value", "error"), [(0.03, 0.01), (-0.03, 0.01), (0.0, 0.005), (0.01, 0.012)])
def test_the_words_are_as_likely_as_in_drawn_studies_that_go_on(value, error):
    """A quarter of a study has shown a gain; of what is true only that is known."""
    rng, words = np.random.default_rng(0), []
    for true in rng.normal(value, error, 4000):
        at_full = (value + 3 * rng.normal(true, error / np.sqrt(3))) / 4
        words.append(word(at_full - 1.96 * error / 2, at_full + 1.96 * error / 2, 0.02))
    found = seen(value, error).words(4, 0.02)
    assert sum(found.values()) == pytest.approx(1)
    for said, probability in found.items():
        assert words.count(said) / 4000 == pytest.approx(probability, abs=0.03)


def test_a_study_that_does_not_go_on_says_what_it_says():
    assert seen(0.03).words(1, 0.02)["better"] == 1
    assert seen(0.0, error=0.005).words(1, 0.02)["equivalent"] == 1
    assert seen(0.01).words(1, 0.02)["inconclusive"] == 1


def test_it_is_decided_the_later_the_nearer_the_gain_is_to_the_margin_and_the_more_trainings_differ():
    once, near = seen(0.05, 0.03).times_to_decide(0.02), seen(0.025, 0.03).times_to_decide(0.02)
    assert 1 < once < near
    assert seen(0.05, 0.03).words(once, 0.02)["inconclusive"] == pytest.approx(0.2, abs=1e-6)
    assert seen(0.05, 0.03, of_training=0.02**2).times_to_decide(0.02) == np.inf
    assert seen(0.1).times_to_decide(0.02) == 1

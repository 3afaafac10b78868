import numpy as np
import pytest
from scipy.stats import t

from lungfuse.statistics.gains import Gain, effective_groups, exceeds, gain, largest_t, smallest_gains, word
from lungfuse.statistics.within_folds import auroc_within_folds

COUNT = 400


def trained(strength: float, seed: int, copies: int = 1, trainings: int = 2) -> list:
    """Trainings of a model on new folds, on cases that stand there several times, in groups."""
    rng = np.random.default_rng(seed)
    label = np.tile(np.arange(COUNT) % 2, copies)
    score = np.tile(strength * (np.arange(COUNT) % 2) + rng.normal(size=COUNT), copies)
    folds = [np.tile(rng.permutation(np.arange(COUNT) % 5), copies) for _ in range(trainings)]
    return [auroc_within_folds(label, score, fold, 5) for fold in folds]


GROUPS = np.arange(COUNT)


def test_the_error_is_near_that_of_the_area_under_a_curve():
    """Hanley and McNeil's for one half: sqrt((n1 + n2 + 1) / (12 n1 n2)), or that of the folds, if that is larger."""
    model = trained(0.0, 1)
    found = gain(model, [each.at(0.5) for each in model], GROUPS)
    assert np.sqrt(found.by_groups) == pytest.approx(np.sqrt(401 / (12 * 200 * 200)), rel=0.05)
    assert found.error == pytest.approx(np.sqrt(max(found.by_groups, found.by_folds)))


def test_copies_of_a_case_are_one_group_and_say_no_more():
    once, thrice = (
        gain(trained(1.0, 1, copies), [each.at(0.5) for each in trained(1.0, 1, copies)], np.tile(GROUPS, copies))
        for copies in (1, 3)
    )
    assert thrice.by_groups == pytest.approx(once.by_groups, rel=0.02)


def test_folds_that_differ_more_than_their_cases_widen_the_error():
    steady = trained(1.0, 1)
    unsteady = [
        auroc_within_folds(np.arange(COUNT) % 2, np.where(each.fold < 2, -1, 1) * (np.arange(COUNT) % 2), each.fold, 5)
        for each in steady
    ]
    found = gain(steady, unsteady, GROUPS)
    assert found.by_folds > 4 * found.by_groups
    assert found.error == pytest.approx(np.sqrt(found.by_folds))


def test_a_model_trained_less_often_is_compared_on_the_folds_of_both():
    found = gain(trained(1.0, 1), trained(0.5, 1)[:1], GROUPS)
    assert found.value == gain(trained(1.0, 1)[:1], trained(0.5, 1)[:1], GROUPS).value


def test_a_group_of_a_third_of_the_cases_counts_for_few_groups():
    assert effective_groups(np.arange(90)) == 90
    assert effective_groups(np.concatenate([np.zeros(37, int), np.arange(1, 85)])) == pytest.approx(10.1, abs=0.2)


def drawn(value: float, seed: int, error: float = 0.01) -> Gain:
    moved = np.random.default_rng(seed).normal(size=100)
    return Gain(value, moved * error / np.sqrt(100 / 99 * np.square(moved).sum()), error**2, np.nan)


def test_one_gain_has_the_interval_and_p_of_student():
    found = smallest_gains([[drawn(0.02, 0)]], degrees=60, confidence=0.95, seed=0)[0]
    assert found.p == pytest.approx(2 * t.sf(2, 60))
    assert found.p_corrected == pytest.approx(found.p, abs=0.002)
    assert [found.low, found.high] == pytest.approx(
        [0.02 - 0.01 * t.ppf(0.975, 60), 0.02 + 0.01 * t.ppf(0.975, 60)], abs=2e-4
    )


def test_a_fusion_has_to_beat_every_part():
    """The largest p and the smallest gain; and a part that is nearly as good holds the lower limit down."""
    sure, unsure = drawn(0.03, 0, error=0.005), drawn(0.05, 1, error=0.04)
    found = smallest_gains([[sure, unsure]], degrees=60, confidence=0.95, seed=0)[0]
    assert (found.part, found.value) == (0, 0.03)
    assert found.low < 0 and found.p == pytest.approx(2 * t.sf(0.05 / 0.04, 60))


def test_a_family_is_corrected_by_what_its_tests_have_in_common():
    alike = largest_t([drawn(0, 0)] * 5, 60, 20_000, 0)
    apart = largest_t([drawn(0, seed) for seed in range(5)], 60, 20_000, 0)
    assert np.quantile(alike, 0.95) == pytest.approx(t.ppf(0.975, 60), abs=0.05)
    assert np.quantile(apart, 0.95) == pytest.approx(t.ppf(1 - 0.05 / 10, 60), abs=0.08)  # as Bonferroni has it


def test_no_p_is_smaller_than_the_draws_allow():
    assert smallest_gains([[drawn(0.5, 0)]], 60, 0.95, 0)[0].p_corrected == 1 / 100_001


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.001, 0.05, "better"),
        (0.001, 0.019, "equivalent"),  # more than nothing, and surely less than the margin
        (-0.019, 0.019, "equivalent"),
        (-0.05, -0.001, "worse"),
        (-0.01, 0.021, "inconclusive"),
        (np.nan, np.nan, "inconclusive"),
    ],
)
def test_four_words_follow_from_the_interval_and_the_margin(low, high, expected):
    assert word(low, high, margin=0.02) == expected


def test_the_chance_of_a_gain_above_the_margin_is_one_half_at_the_margin():
    at_margin, above = (smallest_gains([[drawn(value, 0)]], 60, 0.95, 0)[0] for value in (0.02, 0.05))
    assert exceeds(at_margin, 0.02, 60) == pytest.approx(0.5)
    assert exceeds(above, 0.02, 60) == pytest.approx(t.cdf(3, 60))

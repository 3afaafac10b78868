"""Intervals of what is a function of sums over groups, as a mean."""

import numpy as np
import pytest

from lungfuse.statistics.grouped import Grouped, interval, means


def mean_with_interval(values: np.ndarray, groups: np.ndarray, trainings: np.ndarray | None = None) -> np.ndarray:
    grouped = Grouped(groups, np.zeros(len(groups)) if trainings is None else trainings, 2000, seed=0)
    sums = grouped.sums(np.stack([values, np.ones(len(values))], axis=1))
    return interval(grouped.values(sums, means), 0.95)[0]


def test_the_interval_of_a_mean_is_that_of_its_standard_error():
    values = np.random.default_rng(1).normal(2, 1, 400)
    value, low, high = mean_with_interval(values, np.arange(400))
    assert value == pytest.approx(values.mean())
    assert [low, high] == pytest.approx(value + np.array([-1.96, 1.96]) * values.std() / 20, abs=0.01)


def test_rows_of_a_group_are_drawn_together():
    values = np.random.default_rng(1).normal(0, 1, 100)
    _, low, high = mean_with_interval(np.repeat(values, 4), np.repeat(np.arange(100), 4))
    _, alone_low, alone_high = mean_with_interval(values, np.arange(100))
    assert high - low == pytest.approx(alone_high - alone_low), "four times the same pair is no more than one"


def test_trainings_are_drawn_as_well_and_their_mean_is_taken():
    values, trainings = np.repeat([0.0, 1.0, 5.0], 50), np.repeat([0, 1, 2], 50)
    value, low, high = mean_with_interval(values, np.tile(np.arange(50), 3), trainings)
    assert value == pytest.approx(2)
    assert (low, high) == (0, 5), "groups differ in nothing"


def test_one_group_has_no_interval():
    value, low, high = mean_with_interval(np.array([1.0, 2.0]), np.array([7, 7]))
    assert value == 1.5 and np.isnan([low, high]).all()


def test_what_a_resample_does_not_define_is_left_out_of_the_interval():
    found = interval(np.array([[0.5, np.nan], [np.nan, np.nan], [0.4, np.nan], [0.6, 0.1]]), 0.95)
    np.testing.assert_allclose(found, [[0.5, 0.405, 0.595], [np.nan] * 3])

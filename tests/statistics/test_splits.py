"""How groups are spread over folds, also of pairs with several strata each."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from lungfuse.statistics.splits import (
    at_sites,
    dealt_folds,
    group_folds,
    half_of_groups,
    parts_of,
    spread,
    stratified_folds,
)


def unevenness(strata: np.ndarray, part: np.ndarray) -> float:
    """How far the parts are from equal shares of each stratum, as a standard deviation."""
    shares = np.stack([strata[part == number].sum(axis=0) for number in np.unique(part)]) / strata.sum(axis=0)
    return float(shares.std(axis=0).mean())


def labelled_pairs(seed: int, shares: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Strata and groups of 1,500 pairs with labels of these shares, a fifth of them unknown."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((1500, len(shares))) < shares).astype(float)
    labels[rng.random(labels.shape) < 0.2] = np.nan
    return np.hstack([labels == 1, labels == 0]).astype(int), rng.integers(0, 900, 1500)


@pytest.mark.parametrize("seed", range(3))
def test_a_rare_label_stands_in_every_part_and_no_group_in_two(seed):
    strata, groups = labelled_pairs(seed, [0.3, 0.1, 0.03, 0.008])
    part = spread(strata, groups, 5, seed)
    assert pd.Series(part).groupby(groups).nunique().max() == 1
    positives = np.stack([strata[part == number, :4].sum(axis=0) for number in range(5)])
    assert positives.min() >= 1
    assert (np.ptp(positives, axis=0) <= [3, 3, 2, 1]).all()
    assert np.ptp(np.bincount(part)) <= 15


def test_parts_are_as_even_as_those_of_scikit_learn_where_a_pair_has_one_stratum():
    rng = np.random.default_rng(0)
    ours, theirs = [], []
    for seed in range(10):
        groups, strata = rng.integers(0, 120, 200), np.eye(4, dtype=int)[rng.integers(0, 4, 200)]
        ours.append(unevenness(strata, spread(strata, groups, 5, seed)))
        part = np.zeros(200, int)
        splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        for number, (_, tested) in enumerate(splitter.split(strata, strata.argmax(axis=1), groups)):
            part[tested] = number
        theirs.append(unevenness(strata, part))
    assert np.mean(ours) < 1.15 * np.mean(theirs)


def test_the_seed_decides():
    strata, groups = labelled_pairs(0, [0.3, 0.1])
    assert np.array_equal(spread(strata, groups, 5, 1), spread(strata, groups, 5, 1))
    assert not np.array_equal(spread(strata, groups, 5, 1), spread(strata, groups, 5, 2))


def test_a_label_is_spread_at_every_site_that_has_enough_of_it():
    strata, groups = labelled_pairs(0, [0.3, 0.1])
    sites = pd.Series(np.where(np.arange(1500) < 300, "small", "large"))
    for part in parts_of(strata, sites, pd.Series(groups), 5, seed=0):
        for site, size in [("small", 300), ("large", 1200)]:
            own = part[sites[part] == site]
            assert strata[own].sum(axis=0) == pytest.approx(strata[sites == site].sum(axis=0) / 5, abs=3), site
            assert len(own) == pytest.approx(size / 5, abs=12)


def test_a_site_with_too_few_of_a_stratum_counts_as_none():
    strata = np.array([[1, 0], [1, 1], [1, 0], [0, 1]])
    assert at_sites(strata, np.array(["a", "a", "b", "b"]), 2).T.tolist() == [
        [1, 1, 0, 0], [0, 0, 1, 0],  # of the first stratum at a, and the rest of it
        [0, 1, 0, 1],  # of the second
    ]  # fmt: skip


def test_no_group_is_on_two_sides():
    rng = np.random.default_rng(0)
    groups, labels = rng.integers(0, 40, 200), rng.integers(0, 2, 200)
    parts = [
        stratified_folds(labels, groups, 4, 0),
        group_folds(groups, 4, 0),
        dealt_folds(groups, labels[:, None].astype(float), 4),
        half_of_groups(groups, 0),
    ]
    for part in parts:
        assert len(np.unique(part)) > 1
        assert (pd.Series(part).groupby(groups).nunique() == 1).all()

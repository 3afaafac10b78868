"""Bins that trees are given, beside those that scikit-learn makes itself."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from lungfuse.models.bins import BINS, Binned

rng = np.random.default_rng(0)


def trees():
    return HistGradientBoostingClassifier(max_iter=10, max_leaf_nodes=7, early_stopping=False, random_state=0)


@pytest.mark.parametrize("cases", [200, 2000])
def test_trees_learn_the_same_from_bins_as_from_numbers_with_holes(cases):
    numbers = rng.normal(size=(cases, 4))
    labels = (numbers[:, 0] + numbers[:, 1] ** 2 > 1).astype(int)
    numbers[::7, 0] = np.nan
    new = np.vstack([numbers, rng.normal(size=(500, 4)) * 3])
    own, binned = trees().fit(numbers, labels), make_pipeline(Binned(), trees()).fit(numbers, labels)
    np.testing.assert_allclose(binned.predict_proba(new), own.predict_proba(new), atol=1e-12)


def test_many_values_share_bins_of_equal_size():
    numbers = rng.normal(size=(10 * BINS, 1))
    binned = Binned().fit(numbers).transform(numbers)[:, 0]
    assert set(np.bincount(binned.astype(int))) <= {9, 10, 11}
    assert np.array_equal(np.argsort(numbers[:, 0], kind="stable"), np.lexsort([numbers[:, 0], binned]))

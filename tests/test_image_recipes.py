"""Recipes of the image row are compared, and pre-trained for, on what no test fold has seen."""

import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def recipes():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import image_recipes

    yield image_recipes
    sys.path.remove(str(ROOT / "benchmarks"))


def test_in_a_fold_no_pair_of_it_is_learned_from_or_scored_on(recipes):
    pairs = pd.DataFrame({"fold": np.arange(50) % 5})
    scored_on = []
    for fold in range(5):
        train_indices, scored = recipes.parts(pairs, fold)
        assert not {fold} & set(pairs["fold"].iloc[np.concatenate([train_indices, scored])])
        assert len(train_indices) == 30 and not set(train_indices) & set(scored)
        scored_on += list(scored)
    assert sorted(scored_on) == list(range(50)), "each pair is scored once"

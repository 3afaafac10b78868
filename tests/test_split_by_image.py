import numpy as np
import pytest
from conftest import ROOT

from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import split_by_image

    return split_by_image


def test_images_that_show_whose_they_are_and_nothing_else_are_found_by_a_twin_alone(benchmark):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 2)
    labels = np.repeat(rng.integers(0, 2, 60), 2)
    features = np.repeat(5 * np.eye(60), 2, axis=0) + 0.1 * rng.normal(size=(120, 60))
    table = benchmark.compared(features, labels, groups, folds=5, seed=0).set_index("images")
    assert table.loc["all", "accuracy_by_image"] > 0.8 > 0.65 > table.loc["all", "accuracy_by_group"]
    assert table.loc["of groups with several", "difference_low"] > 0.1


@pytest.mark.parametrize("study", ["skin", "brain", "dementia-slices"])
def test_the_features_of_the_frozen_encoder_are_found_whether_pooled_or_not(benchmark, params, study):
    made = benchmark.frozen_images(Plan(*load_study(params | {"study": study})))
    assert made.folder.parts[-2:] == ("efficientnet-lite0", "raw.mean")


def test_images_without_a_twin_gain_nothing(benchmark):
    rng = np.random.default_rng(1)
    labels = np.arange(200) % 2
    features = labels[:, None] + rng.normal(size=(200, 8))
    table = benchmark.compared(features, labels, np.arange(200), folds=5, seed=0).set_index("images")
    assert table.loc["all", "share"] == 0
    assert table.loc["all", "difference_low"] <= 0 <= table.loc["all", "difference_high"]

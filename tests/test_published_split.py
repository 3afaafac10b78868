import numpy as np
import pytest
from conftest import ROOT


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import published_split

    return published_split


def drawn(twins: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """60 groups of two images; with twins an image shows its group and nothing else, without it shows the class."""
    rng = np.random.default_rng(0)
    groups, labels = np.repeat(np.arange(60), 2), np.repeat(rng.integers(0, 2, 60), 2)
    own = np.repeat(5 * np.eye(60), 2, axis=0) if twins else 2.0 * labels[:, None]
    sides = np.tile(["train", "test"], 60) if twins else np.repeat(["train", "train", "test"], 40)
    return own + 0.3 * rng.normal(size=(120, own.shape[1])), labels, groups, sides


def test_images_that_a_twin_alone_predicts_are_predicted_by_the_published_split(benchmark):
    table = benchmark.priced(*drawn(twins=True), seed=0).set_index("test_cases")
    assert set(table.index) == {"all", "of groups on both sides"}
    assert table.loc["all", "accuracy_published"] >= table.loc["all", "accuracy_shared"]
    assert table.loc["all", "accuracy_shared"] > 0.7 > 0.6 > table.loc["all", "accuracy_without"]
    assert table.loc["all", "difference_low"] > 0


def test_a_split_that_shares_nothing_adds_nothing(benchmark):
    table = benchmark.priced(*drawn(twins=False), seed=0).set_index("test_cases")
    assert set(table.index) == {"all", "others"}
    assert (table["accuracy_published"] > 0.8).all()
    assert (table[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)

import numpy as np
import pytest

from lungfuse.settings.rows import Row
from lungfuse.train import hashed
from lungfuse.train.baseline import build, scorer

WORDS = ["ribs", "heart", "clear", "low", "bones", "normal", "no", "effusion", "is", "the"]


@pytest.fixture
def data():
    """Texts of drawn words, of which two tell the label more often than not; labels and folds."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 150)
    hints = np.where(rng.random(150) < 0.8, np.array(["clear", "low"])[labels], "the")
    texts = np.array([" ".join([*rng.choice(WORDS, 12), hint]) for hint in hints], dtype=object)
    return texts, labels, np.arange(150) % 3


def parts_of(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions to learn from and to score."""
    return np.flatnonzero(parts != 0), np.flatnonzero(parts == 0)


@pytest.mark.parametrize(("model", "weights"), [("tfidf", "balanced"), ("tfidf-logistic", "none")])
def test_hashed_ngrams_tell_what_those_of_their_own_tell(studies, data, tmp_path, monkeypatch, model, weights):
    """Read in several parts; none of these n-grams shares a bucket, the solvers stop elsewhere."""
    monkeypatch.setattr(hashed, "PART", 40)
    short = studies["openi"].baselines.tfidf.model_copy(update={"words": [1, 2], "characters": [2, 3]})
    baselines = studies["openi"].baselines.model_copy(update={"tfidf": short, "tfidf_logistic": short})
    texts, labels, parts = data
    labels[parts == 1] = 1  # so that classes weigh differently
    exact = scorer(build(Row(model=model, text="findings"), baselines, weights, 0), texts, labels)(*parts_of(parts))
    buckets = short.model_copy(update={"buckets": 1 << 14})
    scores = hashed.scorer(model, texts, labels, buckets, weights, tmp_path)(*parts_of(parts))
    np.testing.assert_allclose(scores, exact, atol=0.005)
    assert exact.std() > 0.05


def test_few_buckets_are_shared_by_many_ngrams(studies, data, tmp_path):
    """Which is seen in the scores, so that the number of buckets is no idle setting."""
    settings = studies["openi"].baselines.tfidf
    few, many = (
        hashed.scorer(
            "tfidf", *data[:2], settings.model_copy(update={"buckets": buckets}), "none", tmp_path / str(buckets)
        )(*parts_of(data[2]))
        for buckets in [64, 1 << 14]
    )
    assert np.abs(few - many).max() > 0.1

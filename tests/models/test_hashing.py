"""Hashed n-grams against scikit-learn's TF-IDF, and the support vector machine on disk against LIBLINEAR's."""

import tempfile

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from sklearn.base import clone
from sklearn.svm import LinearSVC

from lungfuse.files import temporary_files_in
from lungfuse.models import hashing
from lungfuse.models.hashing import HashedTfidf, SVCOnDisk
from lungfuse.models.ngrams import tfidf

WORDS = ["ribs", "heart", "clear", "low", "bones", "normal", "no", "effusion", "is", "the"]


@pytest.fixture
def texts(monkeypatch):
    """A hundred drawn texts, which are read in parts of forty."""
    monkeypatch.setattr(hashing, "PART", 40)
    rng = np.random.default_rng(0)
    return np.array([" ".join(rng.choice(WORDS, 12)) for _ in range(100)], dtype=object)


@pytest.mark.parametrize("characters", [None, [2, 3]])
@pytest.mark.parametrize("min_df", [1, 20])
def test_where_no_ngrams_share_a_bucket_the_weights_are_those_of_scikit_learn(texts, characters, min_df):
    exact = tfidf([1, 2], characters, min_df, None).fit(texts[:80])
    hashed = tfidf([1, 2], characters, min_df, 1 << 18)
    assert abs(gram(hashed.fit_transform(texts[:80])) - gram(exact.transform(texts[:80]))).max() < 1e-12
    assert hashed.transform(texts).shape == exact.transform(texts).shape
    new = ["the heart is low", "nothing known", ""]
    assert abs(gram(hashed.transform(new)) - gram(exact.transform(new))).max() < 1e-12


def gram(rows) -> np.ndarray:
    """The products of all rows, which do not hang on the order of the columns."""
    return (rows @ rows.T).toarray()


def test_few_buckets_are_shared_by_many_ngrams(texts):
    assert (
        HashedTfidf([1, 2], [2, 3], 1, 64).fit_transform(texts).shape[1]
        <= 128
        < tfidf([1, 2], [2, 3], 1, None).fit_transform(texts).shape[1]
    )


def test_texts_without_an_ngram_in_common_have_no_terms():
    with pytest.raises(ValueError, match="no terms remain"):
        HashedTfidf([1, 1], None, 2, 1024).fit(["one", "two"])


def test_rows_lie_on_disk_and_nothing_is_left_behind(texts, tmp_path):
    with temporary_files_in(tmp_path):
        rows = HashedTfidf([1, 2], None, 1, 1024).fit_transform(texts)
        assert not rows.data.flags.writeable, "mapped to be read"
        assert not rows.indices.flags.writeable
        assert list(tmp_path.iterdir()) == []
    assert tempfile.gettempdir() != str(tmp_path)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("weights", [None, "balanced"])
def test_the_machine_on_disk_finds_the_optimum_of_liblinear(classes, weights):
    rows = csr_array(random_array((300, 40), density=0.2, rng=np.random.default_rng(0)))
    numbers = np.minimum(rows[:, :4].toarray().argmax(axis=1), classes - 1)
    exact = LinearSVC(C=2.0, class_weight=weights, tol=1e-10, max_iter=100_000).fit(rows, numbers)
    found = clone(SVCOnDisk(C=2.0, class_weight=weights)).fit(rows, numbers)
    np.testing.assert_allclose(found.decision_function(rows), exact.decision_function(rows), atol=5e-3)
    assert (found.predict(rows) == exact.predict(rows)).all()
    assert exact.decision_function(rows).std() > 0.5

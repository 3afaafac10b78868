import numpy as np
import pytest

from lungfuse.settings.rows import Row
from lungfuse.tasks import load_task
from lungfuse.train import hashed
from lungfuse.train.estimators import build, learner, score

WORDS = ["ribs", "heart", "clear", "low", "bones", "normal", "no", "effusion", "is", "the"]
TASKS = {
    "binary": load_task("binary", ["clear", "low"]),
    "multiclass": load_task("multiclass", ["clear", "low", "none"]),
    "multilabel": load_task("multilabel", ["low", "none"]),
}
SHORT = {"words": [1, 2], "characters": [2, 3]}
LEARNED, SCORED = (np.flatnonzero(np.arange(150) % 3 != 0), np.flatnonzero(np.arange(150) % 3 == 0))


@pytest.fixture
def data():
    """Texts of drawn words, of which some tell the class more often than not, and the class of each."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, 150)
    hints = np.where(rng.random(150) < 0.8, np.array(["clear", "low", "the"])[classes], "is")
    return np.array([" ".join([*rng.choice(WORDS, 12), hint]) for hint in hints], dtype=object), classes


def targets_of(task, classes):
    """Labels of a task of three classes; one label is not known of some pairs."""
    labels = np.stack([classes == 1, np.where(np.arange(150) % 7, classes == 2, np.nan)], axis=1)
    return {"binary": labels[:, :1], "multiclass": classes[:, None], "multilabel": labels}[task].astype(float)


def both(model, task, data, folder, weights="none", buckets=1 << 14):
    """Scores of a row with a feature for each n-gram, and of one with so many buckets, which is given too."""
    texts, classes = data
    row, targets = Row(model=model, text="findings", settings=SHORT), targets_of(task, classes)
    exact, _ = learner(build(row, weights, 0), texts, targets, TASKS[task])(LEARNED, SCORED)
    settings = row.declared.completed(SHORT | {"buckets": buckets})
    learn = hashed.learner(model, texts, targets, TASKS[task], settings, weights, folder)
    return exact, *learn(LEARNED, SCORED)


@pytest.mark.parametrize(
    ("model", "task", "weights"),
    [
        ("tfidf", "binary", "balanced"),
        ("tfidf-logistic", "binary", "none"),
        ("tfidf", "multiclass", "balanced"),
        ("tfidf", "multilabel", "none"),
        ("tfidf-logistic", "multilabel", "balanced"),
    ],
)
def test_hashed_ngrams_tell_what_those_of_their_own_tell(data, tmp_path, monkeypatch, model, task, weights):
    """Read in several parts; none of these n-grams shares a bucket, the solvers stop elsewhere."""
    monkeypatch.setattr(hashed, "PART", 40)
    exact, scores, _ = both(model, task, data, tmp_path, weights)
    np.testing.assert_allclose(scores, exact, atol=0.005)
    assert exact.std(axis=0).min() > 0.05


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", ["tfidf", "tfidf-logistic"])
@pytest.mark.parametrize("buckets", [1024, 1 << 14])
def test_the_pipelines_that_are_kept_score_as_what_was_fitted(data, tmp_path, model, task, buckets):
    _, scores, models = both(model, task, data, tmp_path, "balanced", buckets)
    np.testing.assert_allclose(score(models, data[0][SCORED], TASKS[task]), scores, atol=1e-6)
    new = score(models, np.array(["the heart is low", ""], dtype=object), TASKS[task])
    assert np.isfinite(new).all()


def test_several_classes_sum_to_one_also_where_one_against_the_rest_was_fitted(data, tmp_path):
    exact, scores, _ = both("tfidf-logistic", "multiclass", data, tmp_path)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert (exact.argmax(axis=1) == scores.argmax(axis=1)).mean() > 0.9


@pytest.mark.parametrize("left", [[0, 2], [1]])
def test_a_class_that_no_pair_to_learn_from_has_scores_zero(data, tmp_path, left):
    texts, classes = data
    settings = Row(model="tfidf", text="findings").declared.completed(SHORT | {"buckets": 4096})
    learn = hashed.learner(
        "tfidf", texts, classes[:, None].astype(float), TASKS["multiclass"], settings, "none", tmp_path
    )
    scores, models = learn(LEARNED[np.isin(classes[LEARNED], left)], SCORED)
    assert (np.delete(scores, left, axis=1) == 0).all()
    np.testing.assert_allclose(scores, score(models, texts[SCORED], TASKS["multiclass"]), atol=1e-6)


def test_few_buckets_are_shared_by_many_ngrams(data, tmp_path):
    """Which is seen in the scores, so that the number of buckets is no idle setting."""
    few, many = (
        both("tfidf", "binary", data, tmp_path / str(buckets), buckets=buckets)[1] for buckets in [64, 1 << 14]
    )
    assert np.abs(few - many).max() > 0.1

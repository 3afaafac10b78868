"""Estimators for every task, against scikit-learn used directly."""

import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from scipy.special import expit, softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from lungfuse.models.columns import as_values
from lungfuse.tasks import load_task
from lungfuse.train.estimators import build, by_fold, fit, learner, score

WORDS = ["clear", "low", "wide", "bones", "heart", "ribs", "no", "the"]
TFIDF, LOGISTIC = (
    model_config("tfidf", text="findings", class_weights="none"),
    model_config("tfidf-logistic", text="findings", class_weights="none"),
)
BINARY = load_task("binary", ["normal", "lung"])
CLASSES = load_task("multiclass", ["clear", "low", "wide"])
LABELS = load_task("multilabel", ["low", "wide"])
LEARNED, SCORED = np.arange(100), np.arange(100, 140)


@pytest.fixture
def classes():
    """The class of each pair, (pair, 1)."""
    return (np.arange(140) % 3)[:, None].astype(float)


@pytest.fixture
def texts(classes):
    """Texts of drawn words, of which one predicts the class more often than not."""
    rng = np.random.default_rng(0)
    hints = np.where(rng.random(140) < 0.7, np.array(WORDS)[classes[:, 0].astype(int)], "the")
    return np.array([" ".join([*rng.choice(WORDS[2:], 8), hint]) for hint in hints], dtype=object)


def fitted_score(row, texts, targets, task, weights="none"):
    return score(
        fit(build(row.model_copy(update={"class_weights": weights})), texts, targets, LEARNED), texts[SCORED], task
    )


def test_two_classes_score_to_the_bit_as_scikit_learn_does(texts, classes):
    labels = (classes[:, 0] == 1).astype(int)
    ngrams = [{"ngram_range": (1, 3)}, {"ngram_range": (2, 5), "analyzer": "char_wb"}]
    union = make_union(*(TfidfVectorizer(sublinear_tf=True, min_df=2, **each) for each in ngrams))
    direct = make_pipeline(union, LinearSVC(C=1.0, class_weight="balanced", random_state=0))
    expected = expit(direct.fit(texts[LEARNED], labels[LEARNED]).decision_function(texts[SCORED]))
    found = fitted_score(TFIDF, texts, labels[:, None].astype(float), BINARY, "balanced")
    assert (found[:, 0] == expected).all()
    assert expected.std() > 0.1


def test_labels_known_of_the_same_pairs_share_the_words_that_are_counted(texts, classes):
    known = np.hstack([classes == 1, classes == 2, classes == 0]).astype(float)
    known[:5, 2] = np.nan
    models = fit(build(TFIDF), texts, known, LEARNED)
    assert models[0][0] is models[1][0]
    assert models[0][0] is not models[2][0]
    scores = score(models, texts[SCORED], load_task("multilabel", ["low", "wide", "clear"]))
    alone = [fitted_score(TFIDF, texts, known[:, [n]], BINARY)[:, 0] for n in range(3)]
    assert (scores == np.stack(alone, axis=1)).all()


def test_a_probe_scores_to_the_bit_as_scikit_learn_does_in_single_precision(classes):
    labels = (classes == 1).astype(float)
    means = (np.random.default_rng(0).normal(size=(140, 6)) + labels).astype(np.float32)
    direct = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000))
    direct.fit(means[LEARNED], labels[LEARNED, 0].astype(int))
    found = fitted_score(
        model_config("linear-probe", images="raw", class_weights="none"), means, labels, BINARY, "balanced"
    )
    assert found.dtype == np.float32
    assert (found[:, 0] == expit(direct.decision_function(means[SCORED]))).all()


def test_what_a_pair_lacks_counts_to_a_probe_as_the_mean_of_what_it_learned_from(classes):
    labels = (classes == 1).astype(float)
    means = np.random.default_rng(0).normal(size=(140, 4)) + labels
    means[[3, 120], :2] = np.nan
    filled = means.copy()
    filled[120, :2] = np.nanmean(means[LEARNED, :2], axis=0)
    row = model_config("linear-probe", images="raw", text="findings", class_weights="none")
    found, expected = (score(fit(build(row), means, labels, LEARNED), each[SCORED], BINARY) for each in [means, filled])
    np.testing.assert_allclose(found, expected)
    assert np.isfinite(found).all()


def test_each_class_has_a_score_and_they_sum_to_one(texts, classes):
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2))
    direct = make_pipeline(vectorizer, LogisticRegression()).fit(texts[LEARNED], classes[LEARNED, 0].astype(int))
    found = fitted_score(LOGISTIC, texts, classes, CLASSES)
    np.testing.assert_array_equal(found, direct.predict_proba(texts[SCORED]))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (CLASSES.decide(found)[:, 0] == classes[SCORED, 0]).mean() > 0.6


def test_distances_of_several_planes_become_scores(texts, classes):
    model = fit(build(TFIDF), texts, classes, LEARNED)
    expected = softmax(model[0].decision_function(texts[SCORED]), axis=1)
    np.testing.assert_array_equal(score(model, texts[SCORED], CLASSES), expected)


@pytest.mark.parametrize(
    "row", [TFIDF, LOGISTIC, model_config("majority", class_weights="none")], ids=lambda row: row.architecture
)
@pytest.mark.parametrize("left", [[0, 2], [1]])
def test_a_class_that_no_pair_to_learn_from_has_scores_zero(texts, classes, row, left):
    kept = LEARNED[np.isin(classes[LEARNED, 0], left)]
    found = score(fit(build(row), texts, classes, kept), texts[SCORED], CLASSES)
    assert found.shape == (40, 3)
    assert (np.delete(found, left, axis=1) == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_each_label_is_learned_from_the_pairs_where_it_is_known(texts, classes):
    targets = np.hstack([classes == 1, classes == 2]).astype(float)
    targets[::4, 1] = np.nan
    known = LEARNED[LEARNED % 4 > 0]
    found = fitted_score(TFIDF, texts, targets, LABELS)
    for column, learned in enumerate([LEARNED, known]):
        alone = fit(build(TFIDF), texts, targets[:, [column]], learned)
        np.testing.assert_array_equal(found[:, [column]], score(alone, texts[SCORED], BINARY))


@pytest.mark.parametrize(("label", "expected"), [(0.0, 0.0), (1.0, 1.0), (np.nan, 0.5)])
def test_a_label_that_all_pairs_have_or_none_scores_its_share(texts, classes, label, expected):
    targets = np.hstack([classes == 1, np.full_like(classes, label)]).astype(float)
    assert (fitted_score(TFIDF, texts, targets, LABELS)[:, 1] == expected).all()


def test_labels_of_the_test_fold_are_never_seen():
    """With a label that only one fold has learned to spell, the other folds cannot know it."""
    texts, labels, folds = np.array(["alpha", "beta"] * 30), np.array([1, 0] * 30), np.arange(60) // 20
    labels[folds == 0] = 1 - labels[folds == 0]
    pairs = pd.DataFrame({"pair_id": range(60), "label": labels, "fold": folds})
    validation = pd.DataFrame({"fold": np.repeat([0, 1, 2], 5), "pair_id": [*range(20, 25), *range(40, 45), *range(5)]})
    learn = learner(build(TFIDF), texts, BINARY.targets(pairs), BINARY)
    first = next(by_fold(pairs, validation, BINARY, learn))[0].set_index("part")
    right = (first["score"] >= 0.5) == first["label"]
    assert right["test"].mean() == 0
    assert right["validation"].tolist() == [True] * 5


def test_class_weights_move_the_answer_to_the_rare_class():
    """Eight of sixty are positive, and their findings predict it in two of three."""
    labels = (np.arange(60) < 8).astype(float)[:, None]
    texts = np.where((labels[:, 0] == 1) & (np.arange(60) % 3 > 0), "lungs are low", "lungs are clear")
    everyone = np.arange(60)
    means = [
        score(
            fit(build(LOGISTIC.model_copy(update={"class_weights": weights})), texts, labels, everyone), texts, BINARY
        ).mean()
        for weights in ["none", "balanced"]
    ]
    assert means[0] < 0.2 < 0.35 < means[1]


KINDS = {"sex": "category", "age": "number", "gone": "number", "same": "number", "none": "category"}


@pytest.fixture
def columns():
    """Structured columns of 140 cases, some values of which are missing; `sex` and `age` predict the label."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"sex": rng.choice(["m", "f", ""], 140), "age": rng.integers(20, 80, 140).astype(str)})
    frame.loc[::5, "age"] = ""
    return as_values(frame.assign(gone="", same="3", none=""), KINDS)


def structured(model, columns, weights="none", names=tuple(KINDS)):
    kinds = {name: KINDS[name] for name in names}
    labels = ((columns["sex"] == "m") | (columns["age"] > 60)).to_numpy(float)[:, None]
    estimator = build(model_config(model, structured=list(names), class_weights=weights), kinds=kinds)
    return fit(estimator, columns[list(names)], labels, LEARNED), labels


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("model", ["logistic", "boosting"])
def test_structured_columns_predict_the_label_with_values_missing(columns, model):
    models, labels = structured(model, columns)
    found = score(models, columns.iloc[SCORED], BINARY)
    assert (BINARY.decide(found) == labels[SCORED]).mean() > 0.85
    anything = as_values(pd.DataFrame({"sex": ["unseen"], "age": "", "gone": "4", "same": "", "none": "new"}), KINDS)
    assert np.isfinite(score(models, anything, BINARY)).all()
    nothing = as_values(pd.DataFrame({name: [""] for name in KINDS}), KINDS)
    assert np.isfinite(score(models, nothing, BINARY)).all(), "a case without any value"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("model", ["logistic", "boosting"])
@pytest.mark.parametrize("name", ["gone", "same", "none"])
def test_a_column_that_says_nothing_scores_all_cases_alike(columns, model, name):
    models, _ = structured(model, columns, "balanced", [name])
    np.testing.assert_allclose(score(models, columns.iloc[SCORED][[name]], BINARY), 0.5, atol=1e-6)


def test_logistic_standardises_numbers_and_marks_what_is_missing(columns):
    models, labels = structured("logistic", columns, names=["age"])
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    direct = make_pipeline(numbers, LogisticRegression()).fit(columns[["age"]].iloc[LEARNED], labels[LEARNED, 0])
    expected = direct.predict_proba(columns[["age"]].iloc[SCORED])[:, 1]
    np.testing.assert_allclose(score(models, columns[["age"]].iloc[SCORED], BINARY)[:, 0], expected)


@pytest.mark.parametrize(("count", "right"), [(40, 1.0), (300, 0.5)], ids=["as sets", "more than trees distinguish"])
def test_boosting_splits_categories(count, right):
    """Every second category has the label, so that no order of them predicts it with few splits."""
    kinds = {"ward": "category"}
    wards = np.arange(600) % count
    columns = as_values(pd.DataFrame({"ward": [f"w{ward:03}" for ward in wards]}), kinds)
    row = model_config("boosting", structured="ward", settings={"iterations": 5, "leaves": 2}, class_weights="none")
    labels = (wards % 2).astype(float)[:, None]
    found = score(fit(build(row, kinds=kinds), columns, labels, np.arange(600)), columns, BINARY)
    assert (BINARY.decide(found) == labels).mean() == right

"""Fitted estimators as files: they score as they did, and hold nothing but estimators."""

import json
from contextlib import chdir
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import FunctionTransformer

from lungfuse.errors import UserError
from lungfuse.models.columns import as_values
from lungfuse.plan.layout import Layout
from lungfuse.tables.base import read_table
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import load_task
from lungfuse.train.estimators import build, by_fold, fit, learner, score, take
from lungfuse.train.kept import has_sound_trees, keep, packed, unpacked

WORDS = np.array(["clear", "low", "wide", "bones"])
MODELS = {
    "majority": {},
    "tfidf": {"text": "findings"},
    "tfidf-logistic": {"text": "findings"},
    "linear-probe": {"images": "raw"},
    "logistic": {"structured": ["age", "sex"]},
    "boosting": {"structured": ["age", "sex"]},
}
KINDS = {"age": "number", "sex": "category"}
TASKS = {"binary": ["normal", "lung"], "multiclass": ["clear", "low", "wide"], "multilabel": ["low", "wide"]}


@pytest.fixture
def pairs():
    """Sixty pairs in three folds with labels for each task; one label is not known of every fifth."""
    numbers = np.arange(60) % 3
    frame = pd.DataFrame({"pair_id": [f"P{n:02}" for n in range(60)], "fold": np.arange(60) // 3 % 3})
    return frame.assign(
        numbers=numbers, label_low=numbers == 1, label_wide=np.where(np.arange(60) % 5, numbers == 2, np.nan)
    )


def kept(pairs, folder, model, task="binary"):
    """Fit an estimator in each fold; returns what it reads of all pairs."""
    rng, numbers = np.random.default_rng(0), pairs["numbers"].to_numpy()
    ages, sexes = 40 + numbers * 10 + rng.normal(0, 5, 60), np.where(numbers == 1, "m", "")
    inputs = {
        "text": np.array([f"{word} the {rng.choice(WORDS)}" for word in WORDS[numbers]], dtype=object),
        "images": (rng.normal(size=(60, 4)) + numbers[:, None]).astype(np.float32),
        "structured": as_values(pd.DataFrame({"age": ages.astype(str), "sex": sexes}), KINDS),
    }[next(iter(MODELS[model]), "text")]
    settings, asked = {"iterations": 5} if model == "boosting" else {}, load_task(task, TASKS[task])
    own = {"name": "model", "task": task, "labels": TASKS[task], "settings": settings, "encoders": {}}
    config = model_config(model, **own, **MODELS[model]).model_copy(update={"encoders": {}})
    known = {"kinds": KINDS} if config.structured else {}
    table = pairs.assign(label=numbers if task == "multiclass" else (numbers > 0).astype(int))
    validation = pd.concat([pairs[pairs["fold"] == (fold + 1) % 3].assign(fold=fold) for fold in range(3)])
    learn = learner(build(config, **known), inputs, asked.targets(table), asked)
    with chdir(folder):
        folds = by_fold(table, validation, asked, learn)
        keep(((*fold, {"ms_per_case": 1.0}) for fold in folds), asked, config, [])
    return inputs


def fold(folder, number=0):
    """The files of a fold."""
    return {key: folder / path for key, path in Layout("small").estimator("model", str(number)).items()}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", MODELS)
def test_an_estimator_that_was_kept_scores_its_test_fold_as_it_did(pairs, tmp_path, model, task):
    inputs, asked = kept(pairs, tmp_path, model, task), load_task(task, TASKS[task])
    for number in range(3):
        files = fold(tmp_path, number)
        table = read_table(files["fold_predictions"], FoldPredictions)
        tested = table[table["part"] == "test"]
        positions = pairs.reset_index().set_index("pair_id").loc[tested["pair_id"], "index"].to_numpy()
        scores = score(unpacked(files["estimator"]), take(inputs, positions), asked)
        np.testing.assert_allclose(scores, asked.of("score", tested), rtol=1e-6)


def test_the_calibration_is_that_of_pairs_that_were_not_learned_from(pairs, tmp_path):
    kept(pairs, tmp_path, "tfidf")
    settings, asked = json.loads(fold(tmp_path, 1)["settings"].read_text()), load_task("binary", TASKS["binary"])
    table = read_table(fold(tmp_path, 1)["fold_predictions"], FoldPredictions)
    known = table[table["part"] == "validation"]
    found = asked.calibrate(known[["score"]].to_numpy(), known[["label"]].to_numpy())
    assert (settings["calibration"], settings["fold"]) == (found.model_dump(), 1)


def test_the_same_estimators_are_the_same_bytes(pairs, tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        kept(pairs, folder, "tfidf")
    first, second = (fold(folder)["estimator"].read_bytes() for folder in folders)
    assert first == second


def test_where_objects_were_in_memory_is_not_kept():
    vectorizer = TfidfVectorizer().fit(WORDS)
    with ZipFile(BytesIO(packed([vectorizer]))) as archive:
        schema = archive.read("schema.json").decode()
    places = map(str, [id(vectorizer), id(vectorizer.vocabulary_), vectorizer._stop_words_id])
    assert not [place for place in places if place in schema]
    assert packed([TfidfVectorizer().fit(WORDS)]) == packed([vectorizer])


def test_a_file_that_asks_for_other_code_is_refused(tmp_path):
    path = tmp_path / "model.skops"
    path.write_bytes(packed([FunctionTransformer(json.loads)]))
    with pytest.raises(UserError, match=r"model\.skops: holds more than estimators.*json\.loads.*Do not use"):
        unpacked(path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "not found"),
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "is damaged or of another version"),
        (lambda path: rewrite(path, b'"protocol": 2', b'"protocol": 999'), "is damaged or of another version"),
    ],
    ids=["missing", "cut", "newer"],
)
def test_a_file_that_cannot_be_read_is_reported(pairs, tmp_path, spoil, message):
    kept(pairs, tmp_path, "majority")
    path = fold(tmp_path)["estimator"]
    spoil(path)
    with pytest.raises(UserError, match=rf"model\.skops: {message}"):
        unpacked(path)


def rewrite(path, old, new):
    """Replace bytes of the schema in a file of skops."""
    with ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    assert old in content["schema.json"]
    with ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data.replace(old, new))


@pytest.mark.parametrize("column", ["left", "feature_idx", "bitset_idx"])
def test_trees_that_point_beyond_their_nodes_are_refused(column):
    """scikit-learn would read memory that is not theirs."""
    kinds = {"ward": "category"}
    columns = as_values(pd.DataFrame({"ward": ["a", "b", "c"] * 40}), kinds)
    labels = (np.arange(120) % 3 == 1).astype(float)[:, None]
    config = model_config("boosting", structured="ward", settings={"iterations": 1}, class_weights="none")
    estimator = build(config, kinds=kinds)
    model = fit(estimator, columns, labels, np.arange(120))[0]
    assert has_sound_trees(model)
    nodes = model[-1]._predictors[0][0].nodes
    assert nodes["is_categorical"][0]
    nodes[column][0] = 1000
    assert not has_sound_trees(model)

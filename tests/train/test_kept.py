"""Fitted rows as files: they score as they did, and hold nothing but estimators."""

import json
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import FunctionTransformer

from lungfuse.errors import UserError
from lungfuse.models.columns import as_values
from lungfuse.settings.rows import Row
from lungfuse.tables.base import read_table
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import load_task
from lungfuse.train.estimators import build, by_fold, fit, learner, take
from lungfuse.train.kept import has_sound_trees, keep, load_estimator, packed, unpacked

WORDS = np.array(["clear", "low", "wide", "bones"])
ROWS = {
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
    """Fit a row on each fold; returns what it reads of all pairs."""
    rng, numbers = np.random.default_rng(0), pairs["numbers"].to_numpy()
    ages, sexes = 40 + numbers * 10 + rng.normal(0, 5, 60), np.where(numbers == 1, "m", "")
    inputs = {
        "text": np.array([f"{word} the {rng.choice(WORDS)}" for word in WORDS[numbers]], dtype=object),
        "images": (rng.normal(size=(60, 4)) + numbers[:, None]).astype(np.float32),
        "structured": as_values(pd.DataFrame({"age": ages.astype(str), "sex": sexes}), KINDS),
    }[next(iter(ROWS[model]), "text")]
    settings = {"iterations": 5} if model == "boosting" else {}
    row, asked = Row(model=model, settings=settings, **ROWS[model]), load_task(task, TASKS[task])
    known = {"kinds": KINDS} if row.structured else {}
    table = pairs.assign(label=numbers if task == "multiclass" else (numbers > 0).astype(int))
    validation = pd.concat([pairs[pairs["fold"] == (fold + 1) % 3].assign(fold=fold) for fold in range(3)])
    learn = learner(build(row, "balanced", 0, **known), inputs, asked.targets(table), asked)
    made_by = {"row": row.model_dump(), "task": task, "labels": TASKS[task]}
    keep(by_fold(table, validation, asked, learn), asked, made_by, folder)
    return inputs


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", ROWS)
def test_a_row_that_was_kept_scores_its_test_fold_as_it_did(pairs, tmp_path, model, task):
    inputs = kept(pairs, tmp_path, model, task)
    for fold in range(3):
        found = load_estimator(tmp_path / f"fold{fold}")
        table = read_table(tmp_path / f"fold{fold}/predictions.csv", FoldPredictions)
        tested = table[table["part"] == "test"]
        positions = pairs.reset_index().set_index("pair_id").loc[tested["pair_id"], "index"].to_numpy()
        scores = found.score(take(inputs, positions))
        np.testing.assert_allclose(scores, found.task.of("score", tested), rtol=1e-6)
        assert (found.row.model, found.labels) == (model, TASKS[task])


def test_the_calibration_is_that_of_pairs_that_were_not_learned_from(pairs, tmp_path):
    kept(pairs, tmp_path, "tfidf")
    found = load_estimator(tmp_path / "fold1")
    table = read_table(tmp_path / "fold1/predictions.csv", FoldPredictions)
    known = table[table["part"] == "validation"]
    assert found.calibration == found.task.calibrate(known[["score"]].to_numpy(), known[["label"]].to_numpy())
    assert found.settings["fold"] == 1


def test_the_same_estimators_are_the_same_bytes(pairs, tmp_path):
    for folder in ["first", "second"]:
        kept(pairs, tmp_path / folder, "tfidf")
    first, second = ((tmp_path / folder / "fold0/model.skops").read_bytes() for folder in ["first", "second"])
    assert first == second


def test_where_the_stop_words_were_in_memory_is_not_kept():
    vectorizer = TfidfVectorizer().fit(WORDS)
    before = packed([vectorizer])
    vectorizer._stop_words_id += 1
    assert packed([vectorizer]) == before


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
def test_a_file_that_cannot_be_read_is_told(pairs, tmp_path, spoil, message):
    kept(pairs, tmp_path, "majority")
    spoil(tmp_path / "fold0/model.skops")
    with pytest.raises(UserError, match=rf"model\.skops: {message}"):
        load_estimator(tmp_path / "fold0")


def rewrite(path, old, new):
    """Replace bytes of the schema in a file of skops."""
    with ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    assert old in content["schema.json"]
    with ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data.replace(old, new))


@pytest.mark.parametrize("content", [None, "{", "[]", '{"row": {"model": "majority"}}'])
def test_settings_that_do_not_fit_are_told(tmp_path, content):
    if content is not None:
        (tmp_path / "settings.json").write_text(content)
    with pytest.raises(UserError, match=r"settings\.json: "):
        load_estimator(tmp_path)


@pytest.mark.parametrize("column", ["left", "feature_idx", "bitset_idx"])
def test_trees_that_point_beyond_their_nodes_are_refused(column):
    """scikit-learn would read memory that is not theirs."""
    kinds = {"ward": "category"}
    columns = as_values(pd.DataFrame({"ward": ["a", "b", "c"] * 40}), kinds)
    labels = (np.arange(120) % 3 == 1).astype(float)[:, None]
    row = Row(model="boosting", structured="ward", settings={"iterations": 1})
    estimator = build(row, "none", 0, kinds=kinds)
    model = fit(estimator, columns, labels, np.arange(120))[0]
    assert has_sound_trees(model)
    nodes = model[-1]._predictors[0][0].nodes
    assert nodes["is_categorical"][0]
    nodes[column][0] = 1000
    assert not has_sound_trees(model)

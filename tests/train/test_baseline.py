import json

import numpy as np
import pandas as pd
import pytest
from small_study import run_stage

from lungfuse.errors import UserError
from lungfuse.settings.rows import Row
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import Columns, Pairs, Structured, Validation
from lungfuse.tables.training import Predictions
from lungfuse.train.kept import load_estimator

ROW = {"model": "tfidf", "text": "findings"}
HASHED = {"buckets": 4096}


@pytest.fixture
def pairs():
    """Sixty pairs whose findings tell the label and whose indication does not."""
    labels = np.arange(60) % 2
    frame = pd.DataFrame({"label": labels, "group": np.arange(60), "fold": np.arange(60) % 3})
    frame["findings"] = [f"study {n}: lungs are {'low' if label else 'clear'}" for n, label in enumerate(labels)]
    frame["indication"] = "cough"
    frame["pair_id"] = frame["report_id"] = frame["image_id"] = [f"P{n}" for n in range(60)]
    return frame.assign(text=frame["findings"], site="", comparison="", impression="")


def predict(pairs, folder, row, task="binary", labels=("normal", "lung"), **files):
    """Run the stage on pairs, of which each fold is validated on every second of the next."""
    write_table(pairs, folder / "pairs.csv", Pairs)
    every_second = pairs[pairs.index // 6 % 2 == 0]
    validated = [every_second[every_second["fold"] == (fold + 1) % 3].assign(fold=fold) for fold in range(3)]
    write_table(pd.concat(validated), folder / "validation.csv", Validation)
    run_stage("baseline", row=Row(**row), task=task, labels=list(labels), class_weights="balanced", seed=0,
         pairs=folder / "pairs.csv", validation=folder / "validation.csv", predictions=folder / "predictions.csv",
         validated=folder / "validated.csv", models=folder / "models", **files)  # fmt: skip
    return read_table(folder / "predictions.csv", Predictions)


@pytest.mark.parametrize("model", ["tfidf", "tfidf-logistic"])
@pytest.mark.parametrize("settings", [{}, HASHED], ids=["every n-gram", "buckets"])
def test_a_text_that_tells_the_label_is_learned(pairs, tmp_path, model, settings):
    predictions = predict(pairs, tmp_path, {"model": model, "text": "findings", "settings": settings})
    assert list(predictions["pair_id"]) == list(pairs["pair_id"])
    assert (predictions["prediction"] == pairs["label"]).mean() > 0.95
    assert ((predictions["score"] >= 0.5) == predictions["prediction"]).all()


def test_the_section_of_the_row_is_the_one_that_is_read(pairs, tmp_path):
    predictions = predict(pairs, tmp_path, ROW | {"text": "indication"})
    assert predictions["score"].nunique() <= 3


@pytest.mark.parametrize("settings", [{}, HASHED], ids=["every n-gram", "buckets"])
def test_what_a_fold_has_learned_is_kept_and_nothing_else_left_behind(pairs, tmp_path, settings):
    predictions = predict(pairs, tmp_path, ROW | {"settings": settings}).set_index("pair_id")
    assert {path.name for path in tmp_path.iterdir()} == {
        "models",
        "pairs.csv",
        "predictions.csv",
        "validated.csv",
        "validation.csv",
    }
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"fold0", "fold1", "fold2"}
    found = load_estimator(tmp_path / "models/fold2")
    tested = pairs[pairs["fold"] == 2]
    scores = found.score(tested["findings"].to_numpy())
    np.testing.assert_allclose(scores[:, 0], predictions["score"][tested["pair_id"]], atol=2e-6)
    probabilities = found.task.probabilities(scores, found.calibration)
    np.testing.assert_allclose(probabilities[:, 0], predictions["probability"][tested["pair_id"]], atol=2e-6)
    assert found.settings["class_weights"] == "balanced"
    assert found.settings["folds"] == 3


def test_the_majority_class_has_one_answer(pairs, tmp_path):
    pairs.loc[pairs.index[:10], "label"] = 0
    assert set(predict(pairs, tmp_path, {"model": "majority"})["prediction"]) == {0}


@pytest.mark.parametrize("settings", [{}, HASHED], ids=["every n-gram", "buckets"])
def test_classes_that_exclude_each_other_have_a_score_each(pairs, tmp_path, settings):
    words = ["clear", "low", "wide"]
    numbers = np.arange(60) // 3 % 3
    several = pairs.assign(label=numbers, findings=[f"lungs {words[number]}" for number in numbers])
    predictions = predict(several, tmp_path, ROW | {"settings": settings}, "multiclass", words)
    assert list(predictions) == [
        *["pair_id", "fold", "label", "score_clear", "score_low", "score_wide", "prediction"],
        *["probability_clear", "probability_low", "probability_wide", "repeat"],
    ]
    assert (predictions["prediction"] == numbers).all()


@pytest.mark.parametrize("settings", [{}, HASHED], ids=["every n-gram", "buckets"])
def test_labels_that_are_not_known_everywhere_are_learned_where_they_are(pairs, tmp_path, settings):
    known = pairs["label"].astype("Int64").mask(pairs.index % 5 == 0)
    several = pairs.drop(columns="label").assign(label_low=pairs["label"], label_clear=1 - known)
    predictions = predict(several, tmp_path, ROW | {"settings": settings}, "multilabel", ["low", "clear"])
    assert (predictions["prediction_low"] == pairs["label"]).all()
    assert (predictions["prediction_clear"] == 1 - pairs["label"]).all()
    assert predictions["label_clear"].isna().sum() == 12


def structured(pairs, folder, names, **columns):
    """Write the structured columns of pairs; returns what the stage takes of a row that reads some."""
    table = pairs[["pair_id"]].assign(**columns)
    write_table(table.sample(frac=1, random_state=0), folder / "structured.csv", Structured, columns)
    kinds = {"age": ("number", "years"), "sex": ("category", "")}
    described = [(name, *kinds[name]) for name in columns]
    write_table(pd.DataFrame(described, columns=["name", "kind", "unit"]), folder / "columns.csv", Columns)
    files = {"structured": folder / "structured.csv", "columns": folder / "columns.csv"}
    return {"structured": names}, files


@pytest.mark.parametrize("model", ["logistic", "boosting"])
def test_structured_columns_are_joined_by_id_and_kept_with_their_kinds(pairs, tmp_path, model):
    ages = (40 + 20 * pairs["label"] + pairs.index % 10).astype(str).mask(pairs.index % 7 == 0, "")
    inputs, files = structured(pairs, tmp_path, ["sex", "age"], age=ages, sex="m")
    predictions = predict(pairs, tmp_path, {"model": model, **inputs}, **files)
    assert (predictions["prediction"] == pairs["label"])[pairs.index % 7 > 0].all()
    settings = json.loads((tmp_path / "models/fold0/settings.json").read_text())
    assert settings["columns"] == [
        {"name": "sex", "kind": "category", "unit": ""},
        {"name": "age", "kind": "number", "unit": "years"},
    ]


@pytest.mark.parametrize(
    ("names", "columns", "message"),
    [
        (["age"], {"sex": "m"}, r"columns\.csv: found the columns sex, expected age too"),
        (["age"], {"age": ""}, r"structured\.csv: no pair has age"),
    ],
)
def test_structured_columns_that_are_not_there_are_told(pairs, tmp_path, names, columns, message):
    inputs, files = structured(pairs, tmp_path, names, **columns)
    with pytest.raises(UserError, match=message):
        predict(pairs, tmp_path, {"model": "logistic", **inputs}, **files)


def test_pairs_without_a_row_of_structured_columns_are_told(pairs, tmp_path):
    inputs, files = structured(pairs[:50], tmp_path, ["sex"], sex="m")
    with pytest.raises(UserError, match=r"structured\.csv: 10 pairs have no row, P50 first"):
        predict(pairs, tmp_path, {"model": "logistic", **inputs}, **files)


@pytest.mark.parametrize(("model", "buckets"), [("tfidf", None), ("tfidf", 4096), ("tfidf-logistic", None)])
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("", r"pairs\.csv: no pair has indication, which a row of model tfidf.* reads"),
        ([f"{n:x}{n:x}" for n in range(100, 160)], "the texts to learn from share no words"),
    ],
    ids=["empty", "no word twice"],
)
def test_texts_that_teach_nothing_are_told(pairs, tmp_path, model, buckets, texts, message):
    settings = {"characters": None, "buckets": buckets}
    with pytest.raises(UserError, match=message):
        predict(pairs.assign(indication=texts), tmp_path, {"model": model, "text": "indication", "settings": settings})

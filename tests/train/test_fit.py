"""Estimators on texts, structured columns or mean tokens, fitted fold by fold."""

import json

import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from small_study import LAYOUT, run_stage, write_split

from lungfuse.errors import UserError
from lungfuse.plan.features import feature_set
from lungfuse.plan.model import main as write_model
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import Columns, Structured
from lungfuse.tables.training import FeatureIndex, Predictions, ValidationPredictions
from lungfuse.tasks import load_task
from lungfuse.train.estimators import score
from lungfuse.train.kept import unpacked
from lungfuse.train.stored import read_tokens

HASHED = {"buckets": 4096}


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    """Sixty pairs whose findings predict the label and whose indication does not; the test works in their folder."""
    monkeypatch.chdir(tmp_path)
    labels = np.arange(60) % 2
    frame = pd.DataFrame({"label": labels, "group": np.arange(60), "fold": np.arange(60) % 3})
    frame["findings"] = [f"study {n}: lungs are {'low' if label else 'clear'}" for n, label in enumerate(labels)]
    frame["indication"] = "cough"
    frame["pair_id"] = frame["report_id"] = frame["image_id"] = [f"P{n:02d}" for n in range(60)]
    return frame.assign(text=frame["findings"], site="", comparison="", impression="")


def predict(pairs, architecture="tfidf", **entry):
    """Run the stage on pairs, of which each fold is validated on half of the next."""
    write_split(LAYOUT.split, pairs, 10, np.arange(60) // 2 % 3)
    config = model_config(architecture, name="model", **entry)
    write_model(config=config, file=LAYOUT.model("model"))
    run_stage("fit", {"model": LAYOUT.model("model")})
    return read_table(LAYOUT.predictions("model")["predictions"], Predictions)


@pytest.mark.parametrize("model", ["tfidf", "tfidf-logistic"])
@pytest.mark.parametrize("settings", [{}, HASHED], ids=["every n-gram", "buckets"])
def test_a_text_that_predicts_the_label_is_learned(pairs, model, settings):
    predictions = predict(pairs, model, text="findings", settings=settings)
    assert list(predictions["pair_id"]) == list(pairs["pair_id"])
    assert (predictions["prediction"] == pairs["label"]).mean() > 0.95
    assert ((predictions["score"] >= 0.5) == predictions["prediction"]).all()


def test_the_section_of_the_model_is_the_one_that_is_read(pairs):
    predictions = predict(pairs, text="indication")
    assert predictions["score"].nunique() <= 3


@pytest.mark.parametrize("settings", [{}, HASHED], ids=["every n-gram", "buckets"])
def test_what_a_fold_has_learned_is_kept_and_nothing_else_left_behind(pairs, settings):
    predictions = predict(pairs, text="findings", settings=settings).set_index("pair_id")
    names = {"columns.csv", "folds.csv", "models", "pairs.csv", "predictions", "validated", "validation.csv"}
    assert {path.name for path in LAYOUT.results.iterdir()} == names - {"columns.csv"}
    assert {path.name for path in LAYOUT.model_folder("model").iterdir()} == {"fold0", "fold1", "fold2"}
    assert [path.name for path in LAYOUT.predictions("model")["predictions"].parent.iterdir()] == ["model.csv"]
    files, task = LAYOUT.estimator("model", "2"), load_task("binary", ["normal", "lung"])
    tested = pairs[pairs["fold"] == 2]
    scores = score(unpacked(files["estimator"]), tested["findings"].to_numpy(), task)
    np.testing.assert_allclose(scores[:, 0], predictions["score"][tested["pair_id"]], atol=2e-6)
    kept = json.loads(files["settings"].read_text())
    assert (kept["fold"], kept["model"]["class_weights"], kept["model"]["folds"]) == (2, "balanced", 3)


def test_the_majority_class_has_one_answer(pairs):
    pairs.loc[pairs.index[:10], "label"] = 0
    assert set(predict(pairs, "majority")["prediction"]) == {0}


@pytest.mark.parametrize("settings", [{}, HASHED], ids=["every n-gram", "buckets"])
def test_classes_that_exclude_each_other_have_a_score_each(pairs, settings):
    words = ["clear", "low", "wide"]
    numbers = np.arange(60) // 3 % 3
    several = pairs.assign(label=numbers, findings=[f"lungs {words[number]}" for number in numbers])
    predictions = predict(several, text="findings", settings=settings, task="multiclass", labels=words)
    assert list(predictions) == [
        *["pair_id", "fold", "label", "score_clear", "score_low", "score_wide", "prediction"],
        *["probability_clear", "probability_low", "probability_wide", "repeat"],
    ]
    assert (predictions["prediction"] == numbers).all()


@pytest.mark.parametrize("settings", [{}, HASHED], ids=["every n-gram", "buckets"])
def test_labels_that_are_not_known_everywhere_are_learned_where_they_are(pairs, settings):
    known = pairs["label"].astype("Int64").mask(pairs.index % 5 == 0)
    several = pairs.drop(columns="label").assign(label_low=pairs["label"], label_clear=1 - known)
    predictions = predict(several, text="findings", settings=settings, task="multilabel", labels=["low", "clear"])
    assert (predictions["prediction_low"] == pairs["label"]).all()
    assert (predictions["prediction_clear"] == 1 - pairs["label"]).all()
    assert predictions["label_clear"].isna().sum() == 12


def structured(pairs, **columns):
    """Write the structured columns of pairs."""
    table = pairs[["pair_id"]].assign(**columns)
    write_table(table.sample(frac=1, random_state=0), LAYOUT.structured["structured"], Structured, columns)
    kinds = {"age": ("number", "years"), "sex": ("category", "")}
    described = [(name, *kinds[name]) for name in columns]
    frame = pd.DataFrame(described, columns=["name", "kind", "unit"])
    write_table(frame, LAYOUT.structured["structured_columns"], Columns)


@pytest.mark.parametrize("architecture", ["logistic", "boosting"])
def test_structured_columns_are_joined_by_id_and_kept_with_their_kinds(pairs, architecture):
    ages = (40 + 20 * pairs["label"] + pairs.index % 10).astype(str).mask(pairs.index % 7 == 0, "")
    structured(pairs, age=ages, sex="m")
    predictions = predict(pairs, architecture, structured=["sex", "age"])
    assert (predictions["prediction"] == pairs["label"])[pairs.index % 7 > 0].all()
    settings = json.loads(LAYOUT.estimator("model", "0")["settings"].read_text())
    assert settings["columns"] == [
        {"name": "sex", "kind": "category", "unit": ""},
        {"name": "age", "kind": "number", "unit": "years", "low": 40.0, "high": 69.0},
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"sex": "m"}, r"columns\.csv: found the columns sex, expected age too"),
        ({"age": ""}, r"structured\.csv: no pair has age"),
    ],
)
def test_structured_columns_that_are_not_there_are_reported(pairs, columns, message):
    structured(pairs, **columns)
    with pytest.raises(UserError, match=message):
        predict(pairs, "logistic", structured=["age"])


def test_pairs_without_a_row_of_structured_columns_are_reported(pairs):
    structured(pairs[:50], sex="m")
    with pytest.raises(UserError, match=r"structured\.csv: 10 pairs have no row, P50 first"):
        predict(pairs, "logistic", structured=["sex"])


@pytest.mark.parametrize(("architecture", "buckets"), [("tfidf", None), ("tfidf", 4096), ("tfidf-logistic", None)])
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("", r"pairs\.csv: no pair has indication, which model reads"),
        ([f"{n:x}{n:x}" for n in range(100, 160)], "the texts to learn from share no words"),
    ],
    ids=["empty", "no word twice"],
)
def test_texts_that_teach_nothing_are_reported(pairs, architecture, buckets, texts, message):
    settings = {"characters": None, "buckets": buckets}
    with pytest.raises(UserError, match=message):
        predict(pairs.assign(indication=texts), architecture, text="indication", settings=settings)


BOTH = {"images": "raw", "text": "findings"}


def write_features(pairs, modality, said, width=4, seed=0):
    """Two tokens a pair that predict the label of the pairs that are `said`, in an order of their own."""
    folder = feature_set(model_config("linear-probe", **BOTH), modality).folder
    rng, order = np.random.default_rng(seed), np.random.default_rng(seed).permutation(60)
    shifts = np.where(said, 2 * pairs["label"] - 1, 0)
    tokens = rng.normal(3 * shifts[:, None, None], 1, (60, 2, width)).astype(np.float16)
    folder.mkdir(parents=True)
    np.save(folder / "tokens.npy", tokens[order].reshape(-1, width))
    starts = np.arange(60) * 2
    index = {"pair_id": pairs["pair_id"].to_numpy()[order], "start": starts, "tokens": 2, "encoded": 2}
    write_table(pd.DataFrame(index), folder / "index.csv", FeatureIndex)
    return folder, tokens.astype(np.float32).mean(axis=1)


@pytest.fixture
def encoders(encoder_root, pairs):
    """The encoders of the features, whose digests are kept with a probe."""
    (LAYOUT.data("x").parents[1]).mkdir(exist_ok=True)
    LAYOUT.data("x").parents[1].joinpath("encoders").symlink_to(encoder_root)


def test_mean_tokens_are_joined_to_pairs_by_id_and_a_pair_without_features_is_reported(pairs):
    folder, means = write_features(pairs, "image", said=True)
    np.testing.assert_allclose(read_tokens(folder, pairs["pair_id"]).means(), means, rtol=1e-3)
    with pytest.raises(UserError, match=r"index\.csv: 1 pairs have no features, P99 first"):
        read_tokens(folder, pd.Series(["P00", "P99"])).means()


def test_a_pair_without_tokens_has_none_and_is_scored_by_the_other_encoder(pairs, encoders):
    write_features(pairs, "image", said=True)
    folder, _ = write_features(pairs, "text", said=True, width=3, seed=1)
    index = read_table(folder / "index.csv", FeatureIndex)
    lacking = index["pair_id"].isin(["P03", "P31"])
    write_table(index.assign(tokens=index["tokens"].mask(lacking, 0)), folder / "index.csv", FeatureIndex)
    assert np.isnan(read_tokens(folder, pd.Series(["P03", "P31"])).means()).all()
    found = predict(pairs, "linear-probe", **BOTH)
    assert (found["prediction"] == found["label"]).mean() > 0.95


def test_a_probe_of_both_encoders_predicts_what_neither_predicts_alone(pairs, encoders):
    every_other = pairs.index // 2 % 2 == 0
    write_features(pairs, "image", every_other)
    write_features(pairs, "text", ~every_other, width=3, seed=1)
    correct = {}
    for names in [("images",), ("text",), ("images", "text")]:
        found = predict(pairs, "linear-probe", **{name: BOTH[name] for name in names})
        correct[names] = (found["prediction"] == found["label"]).mean()
    assert correct["images", "text"] > 0.95 > 0.85 > max(correct["images",], correct["text",])


def test_what_is_kept_of_a_probe_reads_new_images_alike(pairs, encoders, tmp_path):
    folder, means = write_features(pairs, "image", said=True)
    folder.rename(folder.with_name("segmented_unet"))
    masks, segmenter = LAYOUT.masks("unet")["settings"], LAYOUT.segmenter("unet")["network"]
    for path in [masks, segmenter]:
        path.parent.mkdir(parents=True)
    segmenter.write_text("a network")
    masks.write_text(json.dumps({"segmenter": str(segmenter.parent), "mask": {"threshold": 0.5}}))
    predictions = predict(pairs, "linear-probe", images="segmented:unet", redact_terms=["icu"]).set_index("pair_id")
    files, tested = LAYOUT.estimator("model", "1"), pairs[pairs["fold"] == 1]
    scores = score(unpacked(files["estimator"]), means[tested.index], load_task("binary", ["normal", "lung"]))[:, 0]
    np.testing.assert_allclose(scores, predictions["score"][tested["pair_id"]], atol=1e-4)
    kept = json.loads(files["settings"].read_text())
    assert kept["model"]["encoders"] == {"image": "vit-tiny"}
    assert kept["model"]["image_settings"]["image_size"] == 64
    assert kept["model"]["redact_terms"] == ["icu"]
    assert (files["settings"].parent / kept["masks"]["segmenter"]).resolve() == segmenter.parent.resolve()
    assert len(kept["sha256"]["parts"]) == 4, "the estimator, the encoder's settings and weights, and the segmenter"


def test_each_repeat_is_fitted_on_folds_of_its_own_and_the_first_is_that_of_a_single_one(pairs):
    once = predict(pairs, text="findings")
    twice = predict(pairs, text="findings", n_seeds=2)
    assert twice[twice["repeat"] == 0].reset_index(drop=True).equals(once)
    second = twice[twice["repeat"] == 1]
    assert second["fold"].tolist() == (np.arange(60) // 2 % 3).tolist() and second["pair_id"].is_unique
    kept = json.loads(LAYOUT.estimator("model", "2_repeat1")["settings"].read_text())
    assert (kept["fold"], kept["repeat"]) == (2, 1)
    validated = read_table(LAYOUT.predictions("model")["validated"], ValidationPredictions)
    assert validated.groupby(["repeat", "fold"]).size().tolist() == [10] * 6
    tested = second.set_index("pair_id")["fold"]
    known = validated[validated["repeat"] == 1]
    assert (tested[known["pair_id"]].to_numpy() == (known["fold"] + 1) % 3).all(), "of the next fold of the same repeat"
    predict(pairs, text="findings")
    assert {path.name for path in LAYOUT.model_folder("model").iterdir()} == {"fold0", "fold1", "fold2"}

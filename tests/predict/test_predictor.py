"""The one door to trained models of every kind, task and modalities."""

import shutil

import numpy as np
import pandas as pd
import pytest
from trained_study import reseal

from lungfuse.errors import UserError
from lungfuse.modalities.new_cases import Column, Input
from lungfuse.predict import predictor as module

MODELS = ["majority", "tfidf", "logistic", "boosting", "linear-probe", "image", "structured", "early", "irene"]
MODELS += ["without-text", "kv-exchange", "late-stacked", "ensemble"]
OF_TASKS = [(name, task) for task in ["binary", "multiclass", "multilabel"] for name in MODELS]
OF_TASKS += [("text", "binary"), ("of-trained", "binary"), ("of-means", "binary")]
AGE_AND_SEX = [Column("age", "number", "years"), Column("sex", "category", "", ["F", "M"])]


@pytest.mark.parametrize(("name", "task"), OF_TASKS)
def test_a_case_of_the_test_fold_gets_the_score_that_the_table_rests_on(trained, name, task):
    study = trained(task)
    predictor, known, cases = study.predictor(name), study.scores(name), study.cases()
    read = [column.name for column in predictor.columns]
    found = study.predict(name, cases[(cases[read] != "").any(axis=1)] if read else cases)
    scores = predictor.task.columns("score")
    np.testing.assert_allclose(found[scores], known.loc[found.index, scores], atol=1e-5)
    decided = predictor.task.decide(known.loc[found.index, scores].to_numpy())
    named = found["label"] if task != "multilabel" else found[predictor.task.columns("label")]
    expected = np.array(predictor.labels)[decided[:, 0]] if task != "multilabel" else decided
    assert (named.to_numpy() == expected).all()


@pytest.mark.parametrize("name", ["tfidf", "image"])
def test_a_probability_is_the_score_as_its_validation_pairs_calibrate_it(trained, name):
    study = trained("multilabel")
    task, known = study.predictor(name).task, pd.read_csv(study.fold(name) / "predictions.csv")
    validation = known.query("part == 'validation'")
    calibration = task.calibrate(task.of("score", validation), task.targets(validation))
    found = study.predict(name, study.cases(3)).loc[["P00"]]
    probabilities = task.probabilities(task.of("score", found), calibration)
    np.testing.assert_allclose(task.of("probability", found), probabilities, atol=1e-4)


def test_it_says_what_it_reads_with_units_and_categories(trained):
    study = trained("multiclass")
    assert study.predictor("kv-exchange").inputs == {
        "image": Input("raw", [Column("image", "image")]),
        "text": Input("findings", [Column("text", "text")]),
        "structured": Input(["age", "sex"], AGE_AND_SEX),
    }
    for name in ["logistic", "boosting", "late-stacked"]:
        assert study.predictor(name).inputs["structured"].columns == AGE_AND_SEX, name
    assert study.predictor("majority").inputs == {}
    assert list(study.predictor("without-text").inputs) == ["image"], "what an ablation has dropped is not read"
    assert study.predictor("tfidf").labels == ["normal", "small", "large"]


@pytest.mark.parametrize("name", ["early", "irene", "kv-exchange", "linear-probe", "late-stacked"])
def test_a_model_of_several_inputs_does_without_what_a_case_lacks(trained, name):
    study, cases = trained("multiclass"), trained("multiclass").cases(3)
    predictor = study.predictor(name)
    complete = pd.concat(predictor.predict(cases))
    assert "missing" not in complete and not predictor.notes
    lacking = cases.assign(image=["", cases["image"][1], cases["image"][2]], text=[cases["text"][0], " ", None])
    found = pd.concat(predictor.predict(lacking))
    assert list(found["missing"]) == ["image", "text", "text"]
    assert predictor.notes == {
        "image is missing, so the model does without": 1,
        "text is missing, so the model does without": 2,
    }
    scores = predictor.task.columns("score")
    assert (found[scores] - complete[scores]).abs().max(axis=None) > 1e-6


@pytest.mark.parametrize("name", ["logistic", "boosting", "structured"])
def test_values_may_be_missing_or_unknown(trained, name):
    study = trained("multilabel")
    cases = pd.DataFrame({"id": [*"abcd"], "age": [54, " 54.0 ", "", 54], "sex": ["F", "F", "M", "other"], "height": 1})
    predictor = study.predictor(name)
    found = pd.concat(predictor.predict(cases)).set_index("id")
    assert list(found["missing"]) == ["", "", "age", "sex"]
    scores = found[predictor.task.columns("score")]
    assert scores.loc["a"].equals(scores.loc["b"])
    assert predictor.notes["sex is a category that the model does not know"] == 1
    without = pd.concat(predictor.predict(pd.DataFrame({"id": ["d"], "age": ["54"]}))).set_index("id")
    assert (without[scores.columns] == scores.loc["d"]).all(axis=None), "as if it were missing"


def test_a_number_that_is_none_is_reported(trained):
    cases = pd.DataFrame({"id": ["a", "b"], "age": ["54", "old"], "sex": "F"})
    with pytest.raises(UserError, match=r"case 'b', column age: found 'old' .*expected a number in years"):
        trained("multilabel").predictor("irene").predict(cases)


@pytest.mark.parametrize(
    ("name", "lacks", "message"),
    [
        ("image", {"image": ""}, "reads image, but 3 cases have no image, 'P00' first. Fill the column image"),
        ("tfidf", {"text": " "}, "reads text, but 3 cases have no text"),
        ("structured", {"age": "", "sex": ""}, "have no structured, 'P00' first. Fill the column age or sex"),
        ("early", {"image": "", "text": ""}, "reads image and text, but 3 cases have no image and no text"),
    ],
)
def test_a_case_without_anything_to_read_is_reported(trained, name, lacks, message):
    with pytest.raises(UserError, match=message):
        trained("multiclass").predictor(name).predict(trained("multiclass").cases(3).assign(**lacks))


def test_it_is_loaded_once_and_predicts_part_by_part(trained, monkeypatch):
    study = trained("multiclass")
    predictor, cases = study.predictor("irene"), study.cases(5)
    whole = pd.concat(predictor.predict(cases)).reset_index(drop=True)
    monkeypatch.setattr(module, "CASES_OF_A_PART", 2)
    monkeypatch.setattr("lungfuse.train.classifier.load_weights", None)
    parts = list(predictor.predict(cases))
    assert [len(part) for part in parts] == [2, 2, 1]
    pd.testing.assert_frame_equal(pd.concat(parts).reset_index(drop=True), whole, rtol=1e-4)


@pytest.mark.parametrize("name", ["tfidf", "text", "linear-probe"])
def test_sentences_that_the_training_did_not_read_are_not_read_of_new_cases(trained, name, tmp_path):
    study = trained()
    cases = study.cases(3).assign(text=lambda cases: cases["text"] + ".")
    folder = shutil.copytree(study.fold(name), tmp_path / "fold0")
    reseal(folder, model__redact_terms=["icu", "died"])
    positive = cases.assign(text=cases["text"] + " She died in the ICU.")
    predictor = module.Predictor(folder, study.small.encoder_root)
    found = pd.concat(predictor.predict(positive)).set_index("id")
    score = predictor.task.columns("score")
    np.testing.assert_allclose(found[score], study.predict(name, cases)[score], atol=1e-5)
    assert abs(study.predict(name, positive)[score] - found[score]).to_numpy().max() > 1e-4
    assert "sentences that may state the outcome are left out, as in training" in predictor.notes


def test_colours_are_read_where_the_study_keeps_them(tmp_path):
    from PIL import Image

    from lungfuse.modalities.image.cases import read_images
    from lungfuse.settings.ingest import ImageSettings

    Image.new("RGB", (20, 20), (200, 10, 10)).save(tmp_path / "red.png")
    paths = pd.Series([str(tmp_path / "red.png")])
    assert read_images(paths, ImageSettings(image_size=16, fit="pad", colour=True))[0, 0, 0].tolist() == [200, 10, 10]
    assert read_images(paths, ImageSettings(image_size=16, fit="pad")).shape == (1, 16, 16)

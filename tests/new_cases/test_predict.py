"""The command line of prediction."""

import json

import numpy as np
import pandas as pd
import pytest
from model_configs import LABELS

from lungfuse.command_line import app
from lungfuse.errors import UserError
from lungfuse.predict import predictor
from lungfuse.predict.predictor import Predictor
from lungfuse.stages import call

COLUMNS = {
    "binary": ["label", "score", "probability", "positive"],
    "multiclass": ["label", *(f"{kind}_{name}" for kind in ["score", "probability"] for name in LABELS["multiclass"])],
    "multilabel": [f"{kind}_{name}" for kind in ["label", "score", "probability"] for name in LABELS["multilabel"]],
}


def written(study, model: str, path, cases=None, **options) -> pd.DataFrame:
    """Predict cases from a table into the file `path`, and read that."""
    table = path.parent / "cases.csv"
    (study.cases() if cases is None else cases).to_csv(table, index=False)
    call("predict", {"model": study.fold(model), "cases": table, "out": path} | options)
    return (pd.read_csv if path.suffix == ".csv" else pd.read_json)(path)


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("task", COLUMNS)
def test_many_cases_become_a_table(trained, tmp_path, task, form):
    study = trained(task)
    found = written(study, "tfidf", tmp_path / f"out.{form}", study.cases(3).assign(image="", age="", sex=""))
    assert list(found) == ["id", *COLUMNS[task], "model", "folds", "sha256"]
    assert list(found["id"]) == ["P00", "P01", "P06"]
    known = study.scores("tfidf")
    scores = study.predictor("tfidf").task.columns("score")
    np.testing.assert_allclose(found[scores], known.loc[found["id"], scores], atol=1e-5)


def test_one_case_is_reported_as_json(trained, capsys):
    study = trained()
    case = {"image": study.small.save_png(1), "text": study.small.pairs["findings"][1]}
    model = study.fold("early")
    capsys.readouterr()
    call("predict", {"model": model} | case)
    said = json.loads(capsys.readouterr().out)
    assert list(said) == [*COLUMNS["binary"], "model", "folds", "sha256"]
    assert said["label"] == ("lung" if said["score"] >= 0.5 else "normal")
    assert (said["positive"], said["model"], said["folds"]) == ("lung", "early", 1)
    assert len(said["sha256"]) == 64


def test_values_are_options_of_their_own(trained, capsys):
    study = trained("multilabel")
    model = ["--model", str(study.fold("logistic"))]
    app(["predict", *model, "--values.age", "54", "--values.sex", "F"], result_action="return_value")
    assert set(json.loads(capsys.readouterr().out)) == {*COLUMNS["multilabel"], "model", "folds", "sha256"}
    call("predict", {"model": study.fold("logistic"), "values": {"age": "54"}})
    said = capsys.readouterr()
    assert json.loads(said.out)["missing"] == "sex"
    assert "1 of 1 cases: sex is missing, so the model does without" in said.err


def test_paths_of_images_are_taken_from_the_folder_of_the_table(trained):
    study = trained()
    folder, cases = study.small.folder, study.cases(2)
    cases["image"] = [path.rsplit("/", 1)[1] for path in cases["image"]]
    assert len(written(study, "image", folder / "out.csv", cases)) == 2


def test_folds_are_averaged(trained):
    study = trained("multiclass")
    cases, whole = study.cases(3), study.model("tfidf")
    mean = pd.concat(Predictor(whole).predict(cases))
    single = [pd.concat(Predictor(whole / f"fold{fold}").predict(cases)) for fold in range(3)]
    assert set(mean["folds"]) == {3}
    for column in COLUMNS["multiclass"][1:]:
        np.testing.assert_allclose(mean[column], np.mean([one[column] for one in single], 0), atol=2e-6)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_cases_are_written_part_by_part(trained, tmp_path, monkeypatch, form):
    whole = written(trained(), "early", tmp_path / f"whole.{form}", trained().cases(5))
    monkeypatch.setattr(predictor, "CASES_OF_A_PART", 2)
    parts = written(trained(), "early", tmp_path / f"parts.{form}", trained().cases(5))
    pd.testing.assert_frame_equal(parts, whole, rtol=1e-4)


def test_predictions_are_scored_against_the_truth(trained, tmp_path, capsys):
    """By the name of the class or its number; where nobody knows it a case does not count."""
    study = trained()
    cases = study.cases(12).assign(truth=["normal", "Lung", "0", "1"] * 2 + ["1", "0", "", ""])
    cases["patient"] = ["a", "a", "b", "b", "c", "c", "d", "d", "e", "e", "", ""]
    found = written(study, "tfidf", tmp_path / "out.csv", cases, truth="truth")
    scores = pd.read_csv(tmp_path / "out.scores.csv").set_index("metric")
    right = found["label"][:10] == ["normal", "lung"] * 4 + ["lung", "normal"]
    assert scores["value"]["accuracy"] == right.mean() == 0.8
    assert (scores["low"] <= scores["value"]).all() and scores["low"]["accuracy"] < 0.8 < scores["high"]["accuracy"]
    assert set(scores["n"]) == {10} and set(scores["groups"]) == {5}
    assert "accuracy" in capsys.readouterr().out


def test_the_truth_may_be_of_several_classes(trained, tmp_path):
    study = trained("multiclass")
    pairs = study.small.pairs.set_index("pair_id")
    cases = study.cases().query("text != ''")
    cases["class"] = np.array(study.predictor("tfidf").labels)[pairs.loc[cases["id"], "label"]]
    found = written(study, "tfidf", tmp_path / "out.csv", cases, truth="class")
    scores = pd.read_csv(tmp_path / "out.scores.csv").set_index("metric")
    assert scores["value"]["accuracy"] == pytest.approx((found["label"] == cases["class"].to_numpy()).mean(), abs=1e-6)


def test_the_truth_may_be_of_several_labels(trained, tmp_path):
    study = trained("multilabel")
    cases = study.cases().query("text != ''")
    pairs = study.small.pairs.set_index("pair_id").loc[cases["id"]]
    cases = cases.assign(is_small=pairs["label_small"].array, is_large=pairs["label_large"].array)
    written(study, "tfidf", tmp_path / "out.csv", cases, truth="is")
    scores = pd.read_csv(tmp_path / "out.scores.csv").set_index("metric")
    assert 0.5 < scores["value"]["auroc"] <= 1
    with pytest.raises(UserError, match=r"no column label_small, label_large; .* what precedes _<label>"):
        written(study, "tfidf", tmp_path / "out.csv", cases, truth="label")


@pytest.mark.parametrize(
    ("name", "case", "message"),
    [
        ("early", {}, "reads image and text, but none of them was given. Add --image or --text"),
        ("tfidf", {}, "reads text, but no text was given. Add --text"),
        ("logistic", {}, "reads structured, but no structured was given. Add --values.age or --values.sex"),
        ("tfidf", {"image": "x.png", "text": "Clear."}, "reads text alone. Leave --image out"),
        ("logistic", {"values": {"age": "54", "height": "2"}}, "reads structured alone. Leave --values.height out"),
        ("logistic", {"values": {"age": "old"}}, "column age: found 'old'"),
        ("image", {"image": "none.png"}, r"none\.png: cannot be read \(No such file"),
        ("image", {"image": "results/small/pairs.csv"}, r"pairs\.csv: cannot be read \(is no image"),
    ],
)
def test_what_is_missing_or_unreadable_is_reported(trained, name, case, message):
    study = trained()
    if "image" in case:
        case = case | {"image": study.small.folder / case["image"]}
    with pytest.raises(UserError, match=message):
        call("predict", {"model": study.fold(name)} | case)


def test_a_table_without_a_column_that_is_read_is_reported(trained, tmp_path):
    with pytest.raises(UserError, match="no column age; found id, image, text, sex"):
        written(trained(), "logistic", tmp_path / "out.csv", trained().cases(2).drop(columns="age"))

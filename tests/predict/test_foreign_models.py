"""Folders that hold no trained model, or one whose files are not what this version writes."""

import json
import os
import pickle
import re
import shutil

import numpy as np
import pytest
import torch
from conftest import truncate
from safetensors.torch import load_file, save_file
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops
from small_study import LAYOUT
from trained_study import reseal

from lungfuse.encoders.network import load_into, load_weights
from lungfuse.errors import UserError
from lungfuse.files import sha256
from lungfuse.predict.network import NetworkFold
from lungfuse.predict.predictor import Predictor
from lungfuse.stages import call

FOLDERS = {  # of a study, and what is said of them
    "predictions/tfidf.csv": "predictions: has no settings.json",
    "segmenters/unet-a": "holds a segmenter, for `python -m lungfuse segment`",
    "masks/unet-a": "holds the masks of a study",
    "models/irene": "irene: not found",
    "models": "models: has no settings.json",
    "": "clinic: has no settings.json",
}


@pytest.mark.parametrize(("folder", "message"), FOLDERS.items(), ids=[folder or "study" for folder in FOLDERS])
def test_a_folder_of_something_else_is_reported_with_the_models_that_predict(study, tmp_path, folder, message):
    clinic = tmp_path / "results/clinic"
    for name in ["boosting", "tfidf"]:
        shutil.copytree(study.model(name), clinic / "models" / name)
    (clinic / "predictions").mkdir()
    shutil.copy(study.predictions_file("tfidf"), clinic / "predictions/tfidf.csv")
    for kind, settings in {"segmenters": {"unet": {}}, "masks": {"mask": {}}}.items():
        (clinic / kind / "unet-a").mkdir(parents=True)
        (clinic / kind / "unet-a/settings.json").write_text(json.dumps(settings))
    with pytest.raises(UserError, match=f"{re.escape(message)}.*Expected the folder of a trained model") as raised:
        Predictor(clinic / folder)
    assert str(raised.value).endswith(f"These can predict: {clinic}/models/boosting, {clinic}/models/tfidf.")


OTHER_VERSION = r"settings\.json: is not what this version of lungfuse writes"
LINES = {"slope": [1.0], "intercept": [0.0]}
SETTINGS = {  # a model, what its settings say instead, and what is said of it
    "no digests": ("tfidf", {"sha256": {}}, r"\(sha256\.parts: Field required\)"),
    "not this file": ("tfidf", {"sha256__parts": {"other.skops": "0"}}, r"\(sha256\.parts: found \['other\.skops'\]\)"),
    "an older version": ("early", {"model__image_settings": {"px": 64}}, r"model\.image_settings\.image_size: F"),
    "a newer version": ("early", {"wings": 2}, r"\(wings: Extra inputs"),
    "another key": ("early", {"model__fusion": {"wings": 2}}, r"model\.fusion: found \{'wings': 2\}"),
    "odd heads": ("kv-exchange", {"model__fusion__heads": 3}, r"width 16 is not a multiple of heads 3"),
    "folds in words": ("tfidf", {"model__folds": "5"}, r"model\.folds: Input should be a valid integer"),
    "a fold beyond": ("tfidf", {"fold": 7}, r"\(fold: found 7\)"),
    "no calibration": ("tfidf", {"calibration": {}}, r"calibration\.slope: Field required"),
    "an empty calibration": ("tfidf", {"calibration__slope": []}, r"calibration\.slope: found \[\]"),
    "no finite calibration": (
        "tfidf", {"calibration__slope": [float("nan")]}, r"calibration\.slope\.0: Input should be a finite number"
    ),
    "a word for a number": ("tfidf", {"calibration__slope": ["1"]}, r"slope\.0: Input should be a valid number"),
    "calibration of other tasks": ("tfidf", {"calibration": {"a": LINES}}, r"calibration\.slope: Field required"),
    "no encoders": ("early", {"model__encoders": None}, r"model\.encoders: found \{\}"),
    "another encoder": (
        "early",
        {"model__encoders": {"image": "vit-giant", "text": "bert-tiny"}},
        r"model\.encoders\.image: found 'vit-giant'",
    ),
    "no training": ("early", {"model__train": None}, r"model\.train: found None"),
    "other layers": ("early", {"model__train__layers": "half"}, r"layers"),
    "no length": ("early", {"model__max_tokens": None}, r"model\.max_tokens: found None"),
    "an architecture that nobody has": ("early", {"model__architecture": "later"}, r"model\.architecture: .*'later'"),
    "other inputs": ("tfidf", {"model__inputs": {}}, r"model\.inputs: found \[\]"),
    "a task that nobody has": ("tfidf", {"model__task": "survival"}, r"model\.task: .*'survival'"),
    "one label": ("tfidf", {"model__labels": ["lung"]}, r"model\.labels: found \['lung'\]"),
    "a label twice": ("tfidf", {"model__labels": ["lung", "lung"]}, r"model\.labels: found \['lung', 'lung'\]"),
    "other settings": ("boosting", {"model__settings__leaves": -1}, r"model\.settings: .*leaves"),
    "settings gone": ("boosting", {"model__settings": {}}, r"model\.settings: found \{\}"),
    "columns gone": ("boosting", {"columns": []}, r"columns: found \[\]"),
    "a column of another kind": ("boosting", {"columns": [{"name": "age", "kind": "text"}]}, r"columns\.0\.kind"),
    "nothing measured": ("structured", {"fitted": {}}, r"fitted: found \[\]"),
    "another column measured": ("structured", {"fitted__structured": []}, r"fitted\.structured: found , expected age"),
    "no spread": (
        "structured",
        {"fitted__structured": [{"name": "age", "kind": "number", "mean": 1.0, "std": 0.0}]},
        r"number\.std: Input should be greater than 0",
    ),
    "no finite mean": (
        "structured",
        {"fitted__structured": [{"name": "age", "kind": "number", "mean": float("nan"), "std": 1.0}]},
        r"number\.mean: Input should be a finite number",
    ),
    "no masks": ("image", {"model__segmenter": "unet-a"}, r"masks: found None"),
    "no folds": ("late-stacked", {"folds": []}, r"folds: List should have at least 1 item"),
    "folds in one": ("late-stacked", {"folds": {"parts": {}}}, r"folds: Input should be a valid list"),
    "no parts": ("late-stacked", {"model__parts": None}, r"found the parts image, text, structured"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "message"), SETTINGS.values(), ids=SETTINGS)
def test_settings_that_say_something_else_are_reported(study, tmp_path, name, changes, message):
    model = tmp_path / "fold0"
    shutil.copytree(study.fold(name), model)
    reseal(model, **changes)
    with pytest.raises(UserError, match=f"{OTHER_VERSION} .*{message}"):
        Predictor(late_in_place(model, study, name), study.small.encoder_root).load()


def late_in_place(model, study, name):
    """A late fusion beside its parts."""
    if name != "late-stacked":
        return model
    for part in study.config(name).parts.values():
        shutil.copytree(study.model(part), model.parent / part)
    return model.rename(model.with_name(name))


LEARNED = {  # what a late fusion has learned in a fold, instead
    "nothing": {},
    "no lines": {"columns": []},
    "no numbers": {"columns": [{"coefficients": ["1", "1", "1"], "intercept": 0.0}]},
    "fewer parts": {"columns": [{"coefficients": [1.0], "intercept": 0.0}]},
    "no finite numbers": {"columns": [{"coefficients": [1.0, 1.0, float("nan")], "intercept": 0.0}]},
}


@pytest.mark.parametrize("learned", LEARNED.values(), ids=LEARNED)
def test_weights_of_a_late_fusion_that_combine_nothing_are_reported(study, tmp_path, learned):
    model = shutil.copytree(study.model("late-stacked"), tmp_path / "late-stacked")
    folds = json.loads((model / "settings.json").read_text())["folds"]
    reseal(model, folds=[folds[0] | {"fitted": learned}, *folds[1:]])
    with pytest.raises(UserError, match=rf"{OTHER_VERSION} \(fitted: "):
        Predictor(late_in_place(model, study, "late-stacked"))


def test_folds_of_a_late_fusion_in_another_order_are_reported(study, tmp_path):
    model = shutil.copytree(study.model("late-stacked"), tmp_path / "late-stacked")
    reseal(model, folds=json.loads((model / "settings.json").read_text())["folds"][::-1])
    with pytest.raises(UserError, match="fold2, which is not fold 0 of repeat 0 of image"):
        Predictor(late_in_place(model, study, "late-stacked"))
    shutil.rmtree(tmp_path / "image")
    with pytest.raises(UserError, match=r"late-stacked/\.\./image/fold\d: not found\. Expected the folder"):
        Predictor(model)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"model": ', "is no JSON"),
        ("[" * 200_000, "is no JSON"),
        *((content, "is none of a trained model. Expected the folder") for content in ["[]", "null", "3", "true"]),
        ('{"model": {}}', "is not what this version"),
        ('{"model": 1, "sha256": 2}', "is not what this version"),
        (b"\xff\xfe", "is no JSON"),
    ],
    ids=["cut", "brackets", "a list", "null", "a number", "true", "empty", "numbers", "no text"],
)
def test_settings_that_are_none_are_reported(tmp_path, content, message):
    (tmp_path / "settings.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        Predictor(tmp_path)


def not_finite(path) -> None:
    weights = load_file(path)
    name = next(name for name in weights if name.startswith("model."))
    weights[name].view(-1)[0] = float("nan")
    save_file(weights, path)


def reshape(path) -> None:
    save_file({name: value[..., :1].contiguous() for name, value in load_file(path).items()}, path)


def rename(path) -> None:
    save_file({f"other.{name}": value for name, value in load_file(path).items()}, path)


WEIGHTS = {  # how weights are spoilt, and what is said
    "not finite": (not_finite, r"model\.safetensors: model\..* holds values that are not finite"),
    "cut": (truncate, r"model\.safetensors: expected whole weights"),
    "empty": (lambda path: path.write_bytes(b""), r"model\.safetensors: expected whole weights"),
    "a pickle": (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "a pickle, which is not read"),
    "of torch.save": (lambda path: torch.save({}, path), "a pickle of torch.save, which is not read"),
    "of another shape": (reshape, r"model\.safetensors: \S+ has the shape \(1,\), expected"),
    "of another model": (rename, "unknown of the weights"),
}


@pytest.fixture(scope="session")
def loaded(study):
    """A network with its weights."""
    predictor = study.predictor("structured")
    predictor.load()
    return predictor.fold_models[0].module


@pytest.mark.parametrize(("spoil", "message"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights_that_cannot_be_used_are_reported(study, loaded, tmp_path, spoil, message):
    path = tmp_path / "model.safetensors"
    shutil.copy(study.fold("structured") / path.name, path)
    spoil(path)
    with pytest.raises(UserError, match=message):
        load_into(loaded, load_weights(path), path)


def spoil_numbers(models: list) -> list:
    models[0][-1].coef_[:] = np.nan
    return models


ESTIMATORS = {  # what is in a file of fitted estimators instead, from what was, and what is said
    "other code": (lambda models: [FunctionTransformer(os.system)], r"holds more than estimators .*system"),
    "no list": (lambda models: {"a": models[0]}, "found dict, expected a list"),
    "no estimators": (lambda models: [1, 2], "found list, expected a list of estimators"),
    "no scores": (lambda models: [CountVectorizer().fit(["clear lungs"])], "is damaged or of another version"),
    "not fitted": (lambda models: [type(models[0][-1])()], "is damaged or of another version"),
    "too many": (lambda models: models * 2, "2 estimators give"),
    "no numbers": (spoil_numbers, "is damaged or of another version"),
}


@pytest.mark.parametrize(("change", "message"), ESTIMATORS.values(), ids=ESTIMATORS)
def test_estimators_that_score_nothing_are_reported(study, tmp_path, change, message):
    folder = shutil.copytree(study.fold("logistic"), tmp_path / "fold0")
    predictor = study.predictor("logistic")
    path = folder / "model.skops"
    skops.dump(change(predictor.fold_models[0].models), path)
    reseal(folder, sha256__parts={"model.skops": sha256(path)})
    with pytest.raises(UserError, match=rf"model\.skops: .*{message}"):
        Predictor(folder).load()


def test_a_missing_or_copied_fold_is_reported(study, tmp_path):
    model = tmp_path / "tfidf"
    shutil.copytree(study.fold("tfidf"), model / "fold0")
    with pytest.raises(UserError, match=r"tfidf: lacks fold1, fold2, found fold0"):
        Predictor(model)
    for number in (1, 2):
        shutil.copytree(study.fold("tfidf"), model / f"fold{number}")
    with pytest.raises(UserError, match=r"fold1: is fold0 by its settings"):
        Predictor(model)
    with pytest.raises(UserError, match=r"fold1: is fold0 by its settings"):
        Predictor(model / "fold1")
    for number in (1, 2):
        reseal(model / f"fold{number}", fold=number)
    Predictor(model)
    reseal(model / "fold2", split="0" * 64)
    with pytest.raises(UserError, match=r"fold2: has another setting of split, .* learned from, than .*fold0"):
        Predictor(model)
    reseal(model / "fold2", model__labels=["lung", "normal"])
    with pytest.raises(UserError, match=r"fold2: has another setting of model than .*fold0"):
        Predictor(model)


def test_a_score_that_is_not_finite_is_of_no_class(run, study, monkeypatch):
    monkeypatch.setattr(NetworkFold, "score", lambda *_: np.array([[np.nan]]))
    with pytest.raises(UserError, match=r"gives no finite score for 1 cases"):
        run(image=study.small.save_png(0), text="Clear.")


def test_the_encoders_are_those_of_the_models_project(study, encoder_root, tmp_path, monkeypatch):
    """From whatever folder the command is run."""
    case = {"image": study.small.save_png(0), "text": "Clear.", "out": tmp_path / "out.json"}
    project = tmp_path / "project"
    folder = project / LAYOUT.fold_folder("early", "0")
    shutil.copytree(study.fold("early"), folder)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"data/encoders/\S+: not found\. Expected a part of .*early/fold0"):
        call("predict", {"model": folder} | case)
    shutil.copytree(encoder_root, project / "data/encoders")
    call("predict", {"model": folder} | case)
    assert json.loads((tmp_path / "out.json").read_text())["folds"] == 1

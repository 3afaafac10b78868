"""Folders that hold no trained row, or one that is damaged, not whole or of another version."""

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
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops
from small_study import TRAIN

from lungfuse.errors import UserError
from lungfuse.predict.network import NetworkFold
from lungfuse.predict.predict import main

FOLDERS = {  # of a study, and what is said of them
    "predictions/tfidf.csv": "predictions: has no settings.json",
    "segmenters/unet-a": "holds a segmenter, for `python -m lungfuse segment`",
    "models/vgg19/raw": "holds a network of keras.applications",
    "models/irene": "irene: not found",
    "models": "models: has no settings.json",
    "": "clinic: has no settings.json",
}


@pytest.mark.parametrize(("folder", "message"), FOLDERS.items(), ids=[folder or "study" for folder in FOLDERS])
def test_a_folder_of_something_else_is_told_with_the_rows_that_predict(run, study, folder, message):
    with pytest.raises(UserError, match=f"{re.escape(message)}.*Expected the folder of a trained row") as raised:
        run(model=study / folder, text="Clear.")
    assert str(raised.value).endswith(f"These can predict: {study}/models/early, {study}/models/tfidf.")


def poison(path) -> None:
    weights = load_file(path)
    name = next(name for name in weights if name.startswith("model."))
    weights[name].view(-1)[0] = float("nan")
    save_file(weights, path)


def reshape(path) -> None:
    save_file({name: value[..., :1].contiguous() for name, value in load_file(path).items()}, path)


def change_settings(**changes):
    def change(path) -> None:
        file = path.with_name("settings.json")
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


MODELS = {  # how the weights (or what is beside them) are spoilt, and what is said
    "not finite": (poison, r"model\.safetensors: model\..* holds values that are not finite"),
    "cut": (truncate, r"model\.safetensors: expected whole weights"),
    "empty": (lambda path: path.write_bytes(b""), r"model\.safetensors: expected whole weights"),
    "a pickle": (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "a pickle, which is not read"),
    "of torch.save": (lambda path: torch.save({}, path), "a pickle of torch.save, which is not read"),
    "a pointer": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        "a pointer of Git LFS",
    ),
    "gone": (lambda path: path.unlink(), r"model\.safetensors: not found\. Expected weights"),
    "of another shape": (reshape, r"model\.safetensors: \S+ has the shape \(.*, 1\), expected"),
    "of another model": (
        change_settings(row={"model": "joint", "images": "raw", "text": "findings"}), "unknown of the weights"
    ),
    "settings cut": (lambda path: truncate(path.with_name("settings.json")), r"settings\.json: is no JSON"),
    "an older version": (change_settings(images={"px": 64}), r"not what this version.*ImageSettings\.image_size: F"),
    "before tasks": (
        change_settings(calibration={"slope": 1.0, "intercept": 0.0}), r"not what this version.*Calibration\.slope"
    ),
    "a newer version": (
        change_settings(fusion={"wings": 2}), r"is not what this version.*FusionSettings\.width: Field required"
    ),
    "another encoder": (
        change_settings(encoders={"image": "vit-giant", "text": "bert-tiny", "pooling": "none"}),
        r"EncoderSettings\.image: .*no such image encoder",
    ),
    "no masks": (
        change_settings(row={"model": "early", "images": "segmented:packaged", "text": "findings"}),
        "says nothing of the masks of segmented:packaged",
    ),
    "no segmenter": (
        change_settings(
            row={"model": "early", "images": "segmented:unet-a", "text": "findings"},
            masks={"segmenter": "../unet-a", "mask": {"threshold": 0.5, "components": 2, "margin": 0.0}},
        ),
        r"unet-a/model\.keras: not found. Expected the segmenter whose masks",
    ),
    "a start is gone": (
        change_settings(
            starts=["../../image/fold0/model.safetensors"],
            train=TRAIN.model_copy(update={"layers": "frozen"}).model_dump(),
        ),
        r"image/fold0/model\.safetensors: not found",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "message"), MODELS.values(), ids=MODELS)
def test_a_damaged_or_foreign_model_is_told(run, study, clinic, tmp_path, spoil, message):
    folder = shutil.copytree(study / "models/early/fold0", tmp_path / "early/fold0")
    spoil(folder / "model.safetensors")
    with pytest.raises(UserError, match=message):
        run(model=folder, image=clinic.save_png(0), text="Clear.")


def test_a_fitted_row_that_asks_for_other_code_is_refused(study, clinic, tmp_path):
    folder = shutil.copytree(study / "models/tfidf", tmp_path / "tfidf") / "fold0"
    (folder / "model.skops").write_bytes(skops.dumps([FunctionTransformer(os.system)]))
    with pytest.raises(UserError, match=r"model\.skops: holds more than estimators of scikit-learn .*system"):
        main(model=folder, text="Clear.")


def test_a_missing_or_copied_fold_is_told(run, study, clinic, tmp_path):
    case = {"image": clinic.save_png(0), "text": "Clear."}
    with pytest.raises(UserError, match=r"early: lacks fold1, fold2, found fold0"):
        run(model=study / "models/early", **case)
    for number in range(3):
        shutil.copytree(study / "models/early/fold0", tmp_path / f"early/fold{number}")
    with pytest.raises(UserError, match=r"fold1: is fold 0 by its settings"):
        run(model=tmp_path / "early", **case)
    for number in (1, 2):
        change_settings(fold=number)(tmp_path / f"early/fold{number}/model.safetensors")
    main(model=tmp_path / "early", **case, encoder_root=clinic.encoder_root)
    change_settings(labels=["lung", "normal"])(tmp_path / "early/fold2/model.safetensors")
    with pytest.raises(UserError, match=r"fold2: has another setting of labels than .*fold0"):
        run(model=tmp_path / "early", **case)


@pytest.mark.parametrize(
    ("fold", "message"),
    [
        (
            {"parts": {"image": "../image/fold0", "text": "../text/fold0"}, "fitted": {}},
            r"late/\.\./image/fold0: not found\. Expected the folder",
        ),
        ({"image": "../image/fold0"}, r"late/settings\.json: is not what this version .*no 'parts'"),
    ],
    ids=["parts are gone", "another version"],
)
def test_a_late_fusion_without_its_parts_is_told(run, clinic, tmp_path, fold, message):
    (tmp_path / "late").mkdir()
    fold["calibration"] = {"slope": [1.0], "intercept": [0.0]}
    settings = {"row": {"model": "late", "images": "raw", "text": "findings"}, "folds": [fold]}
    settings |= {"task": "binary", "labels": ["normal", "lung"]}
    (tmp_path / "late/settings.json").write_text(json.dumps(settings))
    with pytest.raises(UserError, match=message):
        run(model=tmp_path / "late", image=clinic.save_png(0), text="Clear.")


def test_a_score_that_is_not_finite_is_of_no_class(run, clinic, monkeypatch):
    monkeypatch.setattr(NetworkFold, "score", lambda *_: np.array([[np.nan]]))
    with pytest.raises(UserError, match=r"gives no finite score for 1 cases"):
        run(image=clinic.save_png(0), text="Clear.")


def test_the_encoders_are_those_of_the_models_project(run, study, clinic, tmp_path, monkeypatch):
    """From whatever folder the command is run."""
    case = {"image": clinic.save_png(0), "text": "Clear.", "encoder_root": None, "out": tmp_path / "out.json"}
    project = tmp_path / "project"
    folder = shutil.copytree(study, project / "results/clinic") / "models/early/fold0"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"data/encoders/vit-tiny/config\.json: not found\. Expected the encoder vit-tiny"
    ):
        main(model=folder, **case)
    shutil.copytree(clinic.encoder_root, project / "data/encoders")
    main(model=folder, **case)
    assert json.loads((tmp_path / "out.json").read_text())["folds"] == 1


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_encoder_is_told(run, clinic, tmp_path, file):
    shutil.copytree(clinic.encoder_root, tmp_path / "encoders")
    truncate(tmp_path / "encoders/bert-tiny" / file)
    with pytest.raises(UserError, match=f"bert-tiny/{file}: "):
        run(image=clinic.save_png(0), text="Clear.", encoder_root=tmp_path / "encoders")

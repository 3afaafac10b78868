"""A model of which a file was changed after its training does not predict: the file is named."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import truncate
from safetensors.torch import load_file, save_file
from small_study import LAYOUT, small_study
from trained_study import MODELS, reseal

from lungfuse.errors import UserError
from lungfuse.predict.predictor import Predictor

ANOTHER = r"is not the file that .+ was trained with \(another SHA-256\). It was trained again, replaced or damaged"


@pytest.fixture
def project(study, tmp_path, encoder_root, monkeypatch):
    """A small study of its own, with copies of the trained models that a test names."""
    monkeypatch.chdir(tmp_path)
    small = small_study(tmp_path, encoder_root)

    def with_models(*names: str):
        for name in names:
            shutil.copytree(study.model(name), small.folder / LAYOUT.model_folder(name))
        return small

    return with_models


def refuses(model, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Predictor(model).load()


def test_a_part_of_a_late_fusion_that_is_trained_again_is_named(project):
    small = project("image", "tfidf", "boosting", "late-stacked")
    late = small.folder / "results/small/models/late-stacked"
    Predictor(late).load()
    small.fit(small.model("tfidf", architecture="tfidf", text="findings", settings={"c": 0.1}))
    refuses(late, rf"tfidf/fold0/model\.skops: {ANOTHER}")
    small.finish(small.model("late-stacked", **MODELS["late-stacked"]))
    Predictor(late).load()


def test_a_unimodal_model_that_is_trained_again_is_named_by_the_fusion_of_its_encoder(study, project):
    small = project("image", "text")
    shutil.copytree(study.fold("of-trained"), small.folder / "results/small/models/of-trained/fold0")
    fold = small.folder / "results/small/models/of-trained/fold0"
    Predictor(fold).load()
    small.train(small.model("text", **MODELS["text"], seed=1))
    refuses(fold, rf"text/fold0/model\.safetensors: {ANOTHER}")


@pytest.fixture
def other_encoders(encoder_root, tmp_path):
    """Encoders of the same shapes with other weights, and words that have changed places."""
    root = tmp_path / "encoders"
    shutil.copytree(encoder_root, root)
    for weights in root.glob("*/model.safetensors"):
        save_file({name: value * 1.01 for name, value in load_file(weights).items()}, weights)
    tokenizer = json.loads((root / "bert-tiny/tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    words["low"], words["clear"] = words["clear"], words["low"]
    (root / "bert-tiny/tokenizer.json").write_text(json.dumps(tokenizer))
    return root


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("kv-exchange", "vit-tiny/model.safetensors"),
        ("kv-exchange", "bert-tiny/model.safetensors"),
        ("linear-probe", "bert-tiny/model.safetensors"),
        ("linear-probe", "bert-tiny/tokenizer.json"),
        ("early", "bert-tiny/tokenizer.json"),
    ],
)
def test_another_encoder_or_tokenizer_of_the_same_shape_is_named(
    study, encoder_root, other_encoders, tmp_path, name, changed
):
    mixed = shutil.copytree(encoder_root, tmp_path / "mixed")
    shutil.copy(other_encoders / changed, mixed / changed)
    with pytest.raises(UserError, match=f"mixed/{changed}: {ANOTHER}"):
        Predictor(study.fold(name), mixed).load()


def test_a_learned_encoder_is_its_own(study, other_encoders, encoder_root, tmp_path):
    """Other weights of the encoder that it started from change nothing."""
    mixed = shutil.copytree(encoder_root, tmp_path / "mixed")
    shutil.copy(other_encoders / "bert-tiny/model.safetensors", mixed / "bert-tiny/model.safetensors")
    cases, expected = study.cases(3), study.predict("early", study.cases(3))
    found = pd.concat(Predictor(study.fold("early"), mixed).predict(cases)).set_index("id")
    pd.testing.assert_frame_equal(found, expected)


def test_another_segmenter_is_named(project):
    small = project()
    folder = small.folder / "results/small/segmenters/unet-a"
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(b"a network")
    masks = LAYOUT.masks("unet-a")
    masks["masks"].parent.mkdir(parents=True)
    np.save(masks["masks"], np.ones(small.images.shape, bool))
    mask = {"threshold": 0.5, "components": 2, "margin": 0.0}
    masks["settings"].write_text(json.dumps({"segmenter": "results/small/segmenters/unet-a", "mask": mask}))
    config = small.model("image", architecture="image", images="segmented:unet-a", train={"layers": "frozen"})
    small.train(config)
    probe = small.model("probe", architecture="linear-probe", images="segmented:unet-a")
    small.fit(probe)
    (folder / "model.keras").write_bytes(b"another one")
    for model in [config, probe]:
        refuses(small.fold(model), rf"unet-a/model\.keras: {ANOTHER}")


def zero(folder) -> None:
    path = folder / "model.safetensors"
    save_file({name: value * 0 for name, value in load_file(path).items()}, path)


def flip_a_bit(file: str):
    def flip(folder) -> None:
        content = bytearray((folder / file).read_bytes())
        content[-100] ^= 1
        (folder / file).write_bytes(content)

    return flip


def settings(change):
    """Change the settings as an editor would, without their digest."""

    def changed(folder) -> None:
        file = folder / "settings.json"
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))

    return changed


def swap_folds(folder) -> None:
    for one, other in [("0", "spare"), ("1", "0"), ("spare", "1")]:
        (folder.parent / f"fold{one}").rename(folder.parent / f"fold{other}")


def pointer(folder) -> None:
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


CHANGED = r"settings\.json: was changed after the training"
CHANGES = {  # how a fold of a model is changed, and what is said
    "weights of zeros": ("image", zero, rf"fold0/model\.safetensors: {ANOTHER}"),
    "a bit": ("image", flip_a_bit("model.safetensors"), rf"fold0/model\.safetensors: {ANOTHER}"),
    "a bit of an estimator": ("boosting", flip_a_bit("model.skops"), rf"fold0/model\.skops: {ANOTHER}"),
    "cut": ("image", lambda folder: truncate(folder / "model.safetensors"), rf"fold0/model\.safetensors: {ANOTHER}"),
    "a pointer": ("image", pointer, r"model\.safetensors: is a pointer of Git LFS"),
    "gone": ("image", lambda folder: (folder / "model.safetensors").unlink(), r"model\.safetensors: not found"),
    "weights of another fold": (
        "image",
        lambda folder: shutil.copy(folder.parent / "fold1/model.safetensors", folder),
        rf"fold0/model\.safetensors: {ANOTHER}",
    ),
    "folds swapped": ("image", swap_folds, r"fold0: is fold1 by its settings. Copy fold0 anew"),
    "a fold dropped": ("tfidf", lambda folder: shutil.rmtree(folder), "lacks fold0, found fold1, fold2"),
    "labels swapped": ("tfidf", settings(lambda content: content["model"]["labels"].reverse()), CHANGED),
    "calibration": ("tfidf", settings(lambda content: content["calibration"]["slope"].append(1.0)), CHANGED),
    "parts not checked": ("image", settings(lambda content: content["sha256"]["parts"].clear()), CHANGED),
    "a fold of a late fusion dropped": ("late-stacked", settings(lambda content: content["folds"].pop()), CHANGED),
    "weights of a late fusion": (
        "late-stacked", settings(lambda content: content["folds"].reverse()), CHANGED
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "change", "message"), CHANGES.values(), ids=CHANGES)
def test_what_was_changed_is_reported(project, name, change, message):
    names = ["image", "tfidf", "boosting", name] if name == "late-stacked" else [name]
    model = project(*names).folder / "results/small/models" / name
    change(model if name == "late-stacked" else model / "fold0")
    refuses(model, message)


def test_starts_that_were_emptied_are_reported(study, project):
    small = project("image", "text")
    shutil.copytree(study.fold("of-trained"), small.folder / "results/small/models/of-trained/fold0")
    fold = small.folder / "results/small/models/of-trained/fold0"
    settings(lambda content: content["starts"].clear())(fold)
    refuses(fold, CHANGED)
    reseal(fold, starts={})
    refuses(fold, r"is not what this version of lungfuse writes \(starts: found \{\}\)")


def test_the_digest_that_is_printed_is_of_all_that_decides_a_prediction(study, project):
    model = project("tfidf").folder / "results/small/models/tfidf"
    assert Predictor(model).made_by == Predictor(study.model("tfidf")).made_by
    reseal(model / "fold0", seconds_per_epoch=1.0)
    assert Predictor(model).made_by == Predictor(study.model("tfidf")).made_by, "how long it took decides nothing"
    reseal(model / "fold0", calibration__slope=[2.0])
    assert Predictor(model).made_by["sha256"] != Predictor(study.model("tfidf")).made_by["sha256"]

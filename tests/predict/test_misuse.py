"""What a user can do wrong with `predict`, and what may look wrong and is not."""

import json
import os
import pickle
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import truncate
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops
from small_study import TRAIN, small_study

from lungfuse.errors import UserError
from lungfuse.predict import predictor
from lungfuse.predict.network import NetworkFold
from lungfuse.predict.predict import main
from lungfuse.settings.rows import Row
from lungfuse.train import baseline

TEXTS = {
    "another language": "肺部未见异常。Легкие чистые.",
    "long": "The lungs are low. " * 5000,
    "lines": "Lungs\r\nare\nlow.",
    "quotes": "\"low\", they say; and 'so' on",
    "marks": "... !? \u200b \U0001fac1",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory, encoder_root):
    return small_study(tmp_path_factory.mktemp("a 'small' study"), encoder_root)


@pytest.fixture(scope="module")
def study(small):
    """The results of a study with a row of both inputs, trained for one fold of three, a baseline and a segmenter."""
    study = small.folder / "results/clinic"
    small.train(study / "models/early/fold0", epochs=1)
    (study / "predictions").mkdir()
    baseline.main(
        row=Row(model="tfidf", text="findings"), task="binary", labels=["normal", "lung"], class_weights="none", seed=0,
        pairs=small.files["pairs"], validation=small.files["validation"], models=study / "models/tfidf",
        predictions=study / "predictions/tfidf.csv", validated=study / "validated/tfidf.csv",
    )  # fmt: skip
    for folder, settings in {
        "segmenters/unet-a": {"image_px": 64, "unet": {}},
        "models/vgg19/raw": {"network": "vgg19"},
    }.items():
        (study / folder).mkdir(parents=True)
        (study / folder / "settings.json").write_text(json.dumps(settings))
    return study


@pytest.fixture
def run(small, study, tmp_path):
    """Predict with the row of both inputs and return the predictions."""

    def predicted(**changes) -> pd.DataFrame:
        given = {"model": study / "models/early/fold0", "out": tmp_path / "out.csv", "encoder_root": small.encoder_root}
        main(**given | changes)
        return pd.read_csv((given | changes)["out"]).set_index("id")

    return predicted


def images(folder) -> dict:
    """The same X-ray in forms that all can be read, and some odd ones."""
    grey = Image.fromarray(np.tile(np.arange(0, 240, 3, dtype=np.uint8), (80, 1)))
    turned = Image.Exif()
    turned[0x0112] = 6  # to be shown turned by 90 degrees to the right
    saved = {
        "grey.png": (grey, {}),
        "colour.jpg": (grey.convert("RGB"), {"quality": 95}),
        "transparent.png": (grey.convert("RGBA"), {}),
        "palette.png": (grey.convert("P"), {}),
        "ink.jpg": (grey.convert("CMYK"), {"quality": 95}),
        "bits.png": (grey.convert("1"), {}),
        "deep.png": (Image.fromarray(np.asarray(grey).astype(np.uint16) << 8), {}),
        "scan.tiff": (grey, {}),
        "scan.bmp": (grey, {}),
        "moving.gif": (grey, {"save_all": True, "append_images": [grey.rotate(90)]}),
        "turned.png": (grey.rotate(90), {"exif": turned}),
        "dot.png": (grey.resize((1, 1)), {}),
        "line.png": (grey.resize((9000, 1)), {}),
        "no suffix": (grey, {"format": "png"}),
        'it\'s "a", image;.png': (grey, {}),
    }
    for name, (image, options) in saved.items():
        image.save(folder / name, **options)
    (folder / "link.png").symlink_to(folder / "grey.png")
    return [*saved, "link.png", "./grey.png", str(folder / "grey.png")]


def test_any_image_that_pillow_reads_is_predicted(run, tmp_path):
    names = images(tmp_path)
    table = pd.DataFrame({"id": range(len(names)), "image": names, "text": "Lungs are low."})
    table.to_csv(tmp_path / "cases.csv", index=False)
    found = run(cases=tmp_path / "cases.csv").set_axis(names)["score"]
    assert found.between(0, 1).all()
    for same in ["transparent.png", "palette.png", "deep.png", "scan.tiff", "turned.png", "link.png", "no suffix"]:
        assert found[same] == pytest.approx(found["grey.png"], abs=2e-4), same


def test_any_text_is_predicted_and_what_is_not_seen_of_it_is_said(run, small, tmp_path, capsys):
    image = small.save_png(0)
    table = pd.DataFrame({"id": TEXTS.keys(), "image": image, "text": TEXTS.values()})
    table.to_csv(tmp_path / "cases.csv", index=False)
    assert run(cases=tmp_path / "cases.csv")["score"].between(0, 1).all()
    assert "1 of 5 cases: text is cut after the 64 tokens that bert-tiny reads" in capsys.readouterr().err


@pytest.mark.parametrize(
    "written",
    [
        {"encoding": "utf-8-sig"},
        {"lineterminator": "\r\n"},
        {"quoting": 1},
        {"columns": ["note", "text", "id", "image"]},
    ],
    ids=["byte order mark", "lines of Windows", "quotes", "another order and one column more"],
)
def test_a_table_may_come_from_other_programs(run, small, tmp_path, written):
    table = pd.DataFrame({"id": ["ä", "b"], "image": [small.save_png(0)] * 2, "text": "Clear.", "note": ""})
    table.to_csv(tmp_path / "cases.csv", index=False, **written)
    assert list(run(cases=tmp_path / "cases.csv").index) == ["ä", "b"]


TABLES = {  # what cases.csv holds, and what is said
    "nothing": (b"", "cannot be read as CSV"),
    "no case": (b"id,image,text\n", "has no row below its header"),
    "semicolons": (b"id;image;text\n1;x.png;Clear.\n", "no column id, image, text; found id;image;text"),
    "capitals": (b"ID,Image,Text\n1,x.png,Clear.\n", "no column id, image, text; found ID, Image, Text"),
    "no text": (b"id,image\n1,x.png\n", "no column text"),
    "Latin-1": ("id,image,text\n1,x.png,Grün\n".encode("latin-1"), "cannot be read as CSV.*is not UTF-8"),
    "UTF-16": ("id,image,text\n1,x.png,Clear.\n".encode("utf-16"), "cannot be read as CSV.*is not UTF-8"),
    "an id twice": (
        b"id,image,text\n1,x.png,a\n2,x.png,b\n1,x.png,c\n",
        "column id, row 0: found '1', expected no value twice",
    ),
    "an empty case": (b"id,image,text\n1,x.png,a\n2,, \n", "1 cases have no image and no text, '2' first"),
    "images that are not there": (b"id,image,text\n1,x.png,a\n2,y.png,b\n", r"x\.png: .*No such file.*; .*y\.png"),
    "an address": (b"id,image,text\n1,https://example.org/x.png,a\n", "cannot be read .No such file"),
}


@pytest.mark.parametrize(("content", "message"), TABLES.values(), ids=TABLES)
def test_a_table_that_cannot_be_used_is_told(run, tmp_path, content, message):
    (tmp_path / "cases.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        run(cases=tmp_path / "cases.csv")
    assert not (tmp_path / "out.csv").exists()


IMAGES = {  # how x.png is spoilt, and what is said
    "empty": (lambda path: path.write_bytes(b""), "has zero bytes"),
    "text": (lambda path: path.write_text("no image"), "is no image in a known format"),
    "DICOM": (lambda path: path.write_bytes(bytes(128) + b"DICM" + bytes(99)), "is DICOM; save it as PNG first"),
    "cut": (truncate, "truncated"),
    "cut header": (lambda path: truncate(path, 0.005), "x.png: cannot be read"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "is a folder"),
    "pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "is no file"),
    "dangling link": (lambda path: (path.unlink(), path.symlink_to("none.png")), "No such file"),
}


@pytest.mark.parametrize(("spoil", "message"), IMAGES.values(), ids=IMAGES)
def test_an_image_that_cannot_be_read_is_told(run, tmp_path, spoil, message):
    Image.effect_noise((64, 64), 60).save(tmp_path / "x.png")
    spoil(tmp_path / "x.png")
    with pytest.raises(UserError, match=message):
        run(image=tmp_path / "x.png", text="Clear.")


def test_an_image_of_too_many_pixels_is_told(run, small, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(UserError, match=r"P00\.png: cannot be read .Image size .4096 pixels. exceeds"):
        run(image=small.save_png(0), text="Clear.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_image_without_permission_is_told(run, tmp_path):
    (tmp_path / "x.png").touch(0o000)
    with pytest.raises(UserError, match=r"x\.png: cannot be read .Permission denied"):
        run(image=tmp_path / "x.png", text="Clear.")


def test_a_broken_image_in_a_later_part_leaves_no_output(run, small, tmp_path, monkeypatch):
    names = [str(small.save_png(n)) for n in range(4)] + ["cut.png"]
    shutil.copy(names[0], tmp_path / "cut.png")
    truncate(tmp_path / "cut.png")
    pd.DataFrame({"id": range(5), "image": names, "text": "Clear."}).to_csv(tmp_path / "cases.csv", index=False)
    monkeypatch.setattr(predictor, "PART", 2)
    with pytest.raises(UserError, match=r"cut\.png: cannot be read"):
        run(cases=tmp_path / "cases.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "cut.png"]


OPTIONS = {  # what is given besides an image and a text, and what is said
    "one case and many": ({"cases": "cases.csv"}, "--cases: is a table of cases, so leave --image and --text"),
    "truth of one case": ({"truth": "label"}, "--truth: names a column of a table of cases. Add --cases"),
    "a spreadsheet": ({"out": "out.xlsx"}, r"found a name that ends in '\.xlsx', expected \.csv or \.json"),
    "in a file": ({"out": "x.png/out.csv"}, r"x\.png/out\.csv: cannot be written \(Not a directory\)"),
    "in the kernel": ({"out": "/proc/none/out.csv"}, r"/proc/none/out\.csv: cannot be written"),
    "a folder": ({"out": "folder.csv"}, r"folder\.csv: cannot be written \(Is a directory\)"),
    "a long name": ({"out": "x" * 300 + ".csv"}, r"xxx\.csv: cannot be written|File name too long"),
}


@pytest.mark.parametrize(("given", "message"), OPTIONS.values(), ids=OPTIONS)
def test_options_that_do_not_fit_are_told_before_the_work(run, small, tmp_path, monkeypatch, given, message):
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", None)
    (tmp_path / "folder.csv").mkdir()
    shutil.copy(small.save_png(0), tmp_path / "x.png")
    paths = {name: tmp_path / value for name, value in given.items() if name != "truth"}
    with pytest.raises(UserError, match=message):
        run(**{"image": tmp_path / "x.png", "text": "Clear."} | given | paths)


def test_what_is_read_is_not_overwritten(run, study, small, tmp_path):
    table = f"id,image,text\n1,{small.save_png(0)},Clear.\n"
    (tmp_path / "cases.csv").write_text(table)
    with pytest.raises(UserError, match=r"cases\.csv: is what is read"):
        run(cases=tmp_path / "cases.csv", out=tmp_path / "cases.csv")
    assert (tmp_path / "cases.csv").read_text() == table
    with pytest.raises(UserError, match=r"settings\.json: is what is read, or in the model's folder"):
        run(cases=tmp_path / "cases.csv", out=study / "models/early/fold0/settings.json")


TRUTHS = {
    "no column": ({"truth": "Label"}, r"no column Label; found id, image, text, label"),
    "another class": (
        {"label": ["lung", "tumour"]},
        r"found 'tumour' for case '1' .*expected normal, lung",
    ),
    "one known": ({"label": ["lung", ""]}, "tells the class of fewer than two cases"),
    "one patient": ({"patient": "a"}, "tells the class of fewer than two patients"),
}


@pytest.mark.parametrize(("given", "message"), TRUTHS.values(), ids=TRUTHS)
def test_a_truth_that_cannot_be_scored_is_told(run, small, tmp_path, given, message):
    cases = pd.DataFrame({"id": [0, 1], "image": small.save_png(0), "text": "Clear.", "label": ["lung", "normal"]})
    cases.assign(**{k: v for k, v in given.items() if k != "truth"}).to_csv(tmp_path / "cases.csv", index=False)
    with pytest.raises(UserError, match=message):
        run(cases=tmp_path / "cases.csv", truth=given.get("truth", "label"))


def test_scores_that_one_class_does_not_define_are_empty(run, small, tmp_path):
    cases = pd.DataFrame({"id": [0, 1, 2], "image": small.save_png(0), "text": "Clear.", "truth": "normal"})
    cases.to_csv(tmp_path / "cases.csv", index=False)
    run(cases=tmp_path / "cases.csv", truth="truth")
    scores = pd.read_csv(tmp_path / "out.scores.csv").set_index("metric")
    assert scores["value"].isna().to_dict() == {
        "accuracy": False, "auroc": True, "balanced_accuracy": True, "auprc": True, "sensitivity": True,
        "specificity": False,
    }  # fmt: skip


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
    "an older version": (change_settings(images={"px": 64}), r"not what this version.*ImageSettings\.image_px: Field"),
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
def test_a_damaged_or_foreign_model_is_told(run, study, small, tmp_path, spoil, message):
    folder = shutil.copytree(study / "models/early/fold0", tmp_path / "early/fold0")
    spoil(folder / "model.safetensors")
    with pytest.raises(UserError, match=message):
        run(model=folder, image=small.save_png(0), text="Clear.")


def test_a_fitted_row_that_asks_for_other_code_is_refused(study, small, tmp_path):
    folder = shutil.copytree(study / "models/tfidf", tmp_path / "tfidf") / "fold0"
    (folder / "model.skops").write_bytes(skops.dumps([FunctionTransformer(os.system)]))
    with pytest.raises(UserError, match=r"model\.skops: holds more than estimators of scikit-learn .*system"):
        main(model=folder, text="Clear.")


def test_a_missing_or_copied_fold_is_told(run, study, small, tmp_path):
    case = {"image": small.save_png(0), "text": "Clear."}
    with pytest.raises(UserError, match=r"early: lacks fold1, fold2, found fold0"):
        run(model=study / "models/early", **case)
    for number in range(3):
        shutil.copytree(study / "models/early/fold0", tmp_path / f"early/fold{number}")
    with pytest.raises(UserError, match=r"fold1: is fold 0 by its settings"):
        run(model=tmp_path / "early", **case)
    for number in (1, 2):
        change_settings(fold=number)(tmp_path / f"early/fold{number}/model.safetensors")
    main(model=tmp_path / "early", **case, encoder_root=small.encoder_root)
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
def test_a_late_fusion_without_its_parts_is_told(run, small, tmp_path, fold, message):
    (tmp_path / "late").mkdir()
    fold["calibration"] = {"slope": [1.0], "intercept": [0.0]}
    settings = {"row": {"model": "late", "images": "raw", "text": "findings"}, "folds": [fold]}
    settings |= {"task": "binary", "labels": ["normal", "lung"]}
    (tmp_path / "late/settings.json").write_text(json.dumps(settings))
    with pytest.raises(UserError, match=message):
        run(model=tmp_path / "late", image=small.save_png(0), text="Clear.")


def test_a_score_that_is_not_finite_is_of_no_class(run, small, monkeypatch):
    monkeypatch.setattr(NetworkFold, "score", lambda *_: np.array([[np.nan]]))
    with pytest.raises(UserError, match=r"gives no finite score for 1 cases"):
        run(image=small.save_png(0), text="Clear.")


def test_the_encoders_are_those_of_the_models_project(run, study, small, tmp_path, monkeypatch):
    """From whatever folder the command is run."""
    case = {"image": small.save_png(0), "text": "Clear.", "encoder_root": None, "out": tmp_path / "out.json"}
    project = tmp_path / "project"
    folder = shutil.copytree(study, project / "results/clinic") / "models/early/fold0"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"data/encoders/vit-tiny/config\.json: not found\. Expected the encoder vit-tiny"
    ):
        main(model=folder, **case)
    shutil.copytree(small.encoder_root, project / "data/encoders")
    main(model=folder, **case)
    assert json.loads((tmp_path / "out.json").read_text())["folds"] == 1


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_encoder_is_told(run, small, tmp_path, file):
    shutil.copytree(small.encoder_root, tmp_path / "encoders")
    truncate(tmp_path / "encoders/bert-tiny" / file)
    with pytest.raises(UserError, match=f"bert-tiny/{file}: "):
        run(image=small.save_png(0), text="Clear.", encoder_root=tmp_path / "encoders")

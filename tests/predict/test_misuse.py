"""What a user can do wrong with `predict`, and what may look wrong and is not."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import truncate
from PIL import Image

from lungfuse.errors import UserError
from lungfuse.predict import predictor

TEXTS = {
    "another language": "肺部未见异常。Легкие чистые.",
    "long": "The lungs are low. " * 5000,
    "lines": "Lungs\r\nare\nlow.",
    "quotes": "\"low\", they say; and 'so' on",
    "marks": "... !? \u200b \U0001fac1",
}


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
        "scan.gif": (grey, {}),
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


def test_any_text_is_predicted_and_what_is_not_seen_of_it_is_said(run, study, tmp_path, capsys):
    image = study.small.save_png(0)
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
def test_a_table_may_come_from_other_programs(run, study, tmp_path, written):
    table = pd.DataFrame({"id": ["ä", "b"], "image": [study.small.save_png(0)] * 2, "text": "Clear.", "note": ""})
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
def test_a_table_that_cannot_be_used_is_reported(run, tmp_path, content, message):
    (tmp_path / "cases.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        run(cases=tmp_path / "cases.csv")
    assert not (tmp_path / "out.csv").exists()


IMAGES = {  # how x.png is spoilt, and what is said
    "empty": (lambda path: path.write_bytes(b""), "has zero bytes"),
    "text": (lambda path: path.write_text("no image"), "is no image in a known format"),
    "DICOM": (lambda path: path.write_bytes(bytes(128) + b"DICM" + bytes(99)), "is DICOM without an image"),
    "cut": (truncate, "truncated"),
    "cut header": (lambda path: truncate(path, 0.005), "x.png: cannot be read"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "is a folder"),
    "pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "is no file"),
    "dangling link": (lambda path: (path.unlink(), path.symlink_to("none.png")), "No such file"),
}


@pytest.mark.parametrize(("spoil", "message"), IMAGES.values(), ids=IMAGES)
def test_an_image_that_cannot_be_read_is_reported(run, tmp_path, spoil, message):
    Image.effect_noise((64, 64), 60).save(tmp_path / "x.png")
    spoil(tmp_path / "x.png")
    with pytest.raises(UserError, match=message):
        run(image=tmp_path / "x.png", text="Clear.")


def test_an_image_of_too_many_pixels_is_reported(run, study, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(UserError, match=r"P00\.png: cannot be read .Image size .4096 pixels. exceeds"):
        run(image=study.small.save_png(0), text="Clear.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_image_without_permission_is_reported(run, tmp_path):
    (tmp_path / "x.png").touch(0o000)
    with pytest.raises(UserError, match=r"x\.png: cannot be read .Permission denied"):
        run(image=tmp_path / "x.png", text="Clear.")


def test_a_broken_image_in_a_later_part_leaves_no_output(run, study, tmp_path, monkeypatch):
    names = [str(study.small.save_png(n)) for n in range(4)] + ["cut.png"]
    shutil.copy(names[0], tmp_path / "cut.png")
    truncate(tmp_path / "cut.png")
    pd.DataFrame({"id": range(5), "image": names, "text": "Clear."}).to_csv(tmp_path / "cases.csv", index=False)
    monkeypatch.setattr(predictor, "CASES_OF_A_PART", 2)
    with pytest.raises(UserError, match=r"cut\.png: cannot be read"):
        run(cases=tmp_path / "cases.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "cut.png"]


@pytest.fixture
def some_broken(study, tmp_path):
    """A table of five cases: an image is cut, one is no image, and one case has none."""
    names = [str(study.small.save_png(n)) for n in range(2)] + ["cut.png", "text.png", ""]
    shutil.copy(names[0], tmp_path / "cut.png")
    truncate(tmp_path / "cut.png")
    (tmp_path / "text.png").write_text("none")
    table = pd.DataFrame(
        {"id": list("abcde"), "image": names, "text": "Clear.", "truth": ["lung", "normal"] * 2 + [""]}
    )
    table.to_csv(tmp_path / "cases.csv", index=False)
    return tmp_path / "cases.csv"


def test_cases_whose_image_cannot_be_read_are_left_out_by_name_if_that_is_said(run, study, some_broken, capsys):
    with pytest.raises(UserError, match=r"text\.png: cannot be read .*leave these cases out with --leave-out-unread"):
        run(cases=some_broken)
    assert run(cases=some_broken, leave_out_unreadable=True, truth="truth").index.tolist() == ["a", "b", "e"]
    said = capsys.readouterr().err
    assert "left out 2 of 5 cases whose image cannot be read: " in said
    assert "cut.png: cannot be read (" in said and "text.png: cannot be read (is " in said
    against = {"against": [study.fold("tfidf")], "truth": "truth", "leave_out_unreadable": True}
    assert len(run(cases=some_broken, **against)) == 3, "of models that read no images, too"


def test_where_no_image_can_be_read_nothing_is_predicted(run, some_broken):
    pd.read_csv(some_broken)[2:4].to_csv(some_broken, index=False)
    with pytest.raises(UserError, match=r"cut\.png: cannot be read .*text\.png: cannot be read"):
        run(cases=some_broken, leave_out_unreadable=True)


OPTIONS = {  # what is given besides an image and a text, and what is said
    "one case and many": ({"cases": "cases.csv"}, "--cases: is many cases, so leave --image, --text and --values"),
    "truth of one case": ({"truth": "label"}, "--truth: names a column of a table of cases. Add --cases"),
    "a spreadsheet": ({"out": "out.xlsx"}, r"found a name that ends in '\.xlsx', expected \.csv or \.json"),
    "in a file": ({"out": "x.png/out.csv"}, r"x\.png/out\.csv: cannot be written \(Not a directory\)"),
    "in the kernel": ({"out": "/proc/none/out.csv"}, r"/proc/none/out\.csv: cannot be written"),
    "a folder": ({"out": "folder.csv"}, r"folder\.csv: cannot be written \(Is a directory\)"),
    "a long name": ({"out": "x" * 300 + ".csv"}, r"xxx\.csv: cannot be written|File name too long"),
}


@pytest.mark.parametrize(("given", "message"), OPTIONS.values(), ids=OPTIONS)
def test_options_that_do_not_fit_are_reported_before_the_work(run, study, tmp_path, monkeypatch, given, message):
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", None)
    (tmp_path / "folder.csv").mkdir()
    shutil.copy(study.small.save_png(0), tmp_path / "x.png")
    paths = {name: tmp_path / value for name, value in given.items() if name != "truth"}
    with pytest.raises(UserError, match=message):
        run(**{"image": tmp_path / "x.png", "text": "Clear."} | given | paths)


def test_what_is_read_is_not_overwritten(run, study, tmp_path):
    table = f"id,image,text\n1,{study.small.save_png(0)},Clear.\n"
    (tmp_path / "cases.csv").write_text(table)
    with pytest.raises(UserError, match=r"cases\.csv: is what is read"):
        run(cases=tmp_path / "cases.csv", out=tmp_path / "cases.csv")
    assert (tmp_path / "cases.csv").read_text() == table
    with pytest.raises(UserError, match=r"settings\.json: is what is read, or in the model's folder"):
        run(cases=tmp_path / "cases.csv", out=study.fold("early") / "settings.json")


TRUTHS = {
    "no column": ({"truth": "Label"}, r"no column Label; found id, image, text, label"),
    "another class": (
        {"label": ["lung", "tumour"]},
        r"found 'tumour' for case '1' .*expected normal, lung",
    ),
    "one known": ({"label": ["lung", ""]}, "has the class of fewer than two cases"),
    "one patient": ({"patient": "a"}, "has the class of fewer than two patients"),
}


@pytest.mark.parametrize(("given", "message"), TRUTHS.values(), ids=TRUTHS)
def test_a_truth_that_cannot_be_scored_is_reported(run, study, tmp_path, given, message):
    cases = pd.DataFrame(
        {"id": [0, 1], "image": study.small.save_png(0), "text": "Clear.", "label": ["lung", "normal"]}
    )
    cases.assign(**{k: v for k, v in given.items() if k != "truth"}).to_csv(tmp_path / "cases.csv", index=False)
    with pytest.raises(UserError, match=message):
        run(cases=tmp_path / "cases.csv", truth=given.get("truth", "label"))


def test_scores_that_one_class_does_not_define_are_empty(run, study, tmp_path):
    cases = pd.DataFrame({"id": [0, 1, 2], "image": study.small.save_png(0), "text": "Clear.", "truth": "normal"})
    cases.to_csv(tmp_path / "cases.csv", index=False)
    run(cases=tmp_path / "cases.csv", truth="truth")
    scores = pd.read_csv(tmp_path / "out.scores.csv").set_index("metric")
    assert scores["value"].isna().to_dict() == {
        "accuracy": False, "auroc": True, "balanced_accuracy": True, "auprc": True, "sensitivity": True,
        "specificity": False,
    }  # fmt: skip

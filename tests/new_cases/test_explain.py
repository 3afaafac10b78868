"""Explaining new cases from the command line, with their predictions or without."""

import json
import shutil

import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.imaging.image_files import read_image
from lungfuse.modalities.image import cases
from lungfuse.stages import call

CASES = "id,text\na:1,The lungs are clear.\na/1,Large lungs.\n"


@pytest.fixture(scope="module")
def study(trained):
    return trained()


def test_a_case_of_image_text_and_columns_is_explained_in_one_picture(study, tmp_path):
    case = {"image": study.small.save_png(1), "text": study.small.pairs["findings"][1], "values": {"age": "54"}}
    methods = ["grad-cam", "occlusion", "integrated-gradients", "shapley"]
    call("explain", case | {"model": study.fold("kv-exchange-full"), "methods": methods, "out": tmp_path})
    record = json.loads((tmp_path / "explanation.json").read_text())
    assert set(record["methods"]) == set(methods)
    assert set(record["modalities"]) == {"image", "text", "structured"}
    assert len(record["methods"]["occlusion"]["words"]) == len(record["words"])
    assert record["columns"] == {"age": "54 years", "sex": "?"}
    picture = (tmp_path / "explanation.svg").read_text()
    for shown in ["Grad-CAM", "Occlusion", "age 54 years", "no diagnosis"]:
        assert shown in picture


def test_each_case_of_a_table_gets_a_folder_and_methods_are_those_that_can_explain_it(study, tmp_path):
    table = pd.DataFrame({"id": ["first", "second case"], "text": study.small.pairs["findings"][:2]})
    table.to_csv(tmp_path / "cases.csv", index=False)
    given = {"cases": tmp_path / "cases.csv", "target": "lung", "out": tmp_path / "out"}
    call("explain", {"model": study.fold("text")} | given)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["first", "second case"]
    record = json.loads((tmp_path / "out/first/explanation.json").read_text())
    assert record["title"].startswith("Explained for lung: p(lung) = 0.")
    assert set(record["methods"]) == {"integrated-gradients", "lrp", "occlusion", "relevancy", "rollout"}
    assert all(each["checks"] == "not checked" for each in record["methods"].values())


def test_predictions_come_with_the_picture_of_each_case_that_explain_draws(study, tmp_path, monkeypatch):
    """An image is decoded once, for the score and for the picture."""
    images, decoded = tmp_path / "images", []
    images.mkdir()
    for row, name in enumerate(["first", "second"]):
        shutil.copy(study.small.save_png(row), images / f"{name}.png")
    monkeypatch.setattr(cases, "read_image", lambda path, _: decoded.append(path.stem) or read_image(path, _))
    given = {"model": study.fold("image"), "cases": images, "methods": ["occlusion"]}
    call("predict", given | {"out": tmp_path / "out.csv", "explain": tmp_path / "pictures"})
    assert decoded == ["first", "second"]
    found = pd.read_csv(tmp_path / "out.csv", index_col="id")
    assert found.index.tolist() == ["first", "second"]
    call("explain", given | {"out": tmp_path / "again"})
    for name, score in found["score"].items():
        same = [(tmp_path / folder / name / "explanation.json").read_text() for folder in ["pictures", "again"]]
        assert same[0] == same[1]
        sure = max(score, 1 - score)
        assert json.loads(same[0])["title"].endswith(f"= {sure:.2f}")
        assert (tmp_path / "pictures" / name / "explanation.svg").exists()


WRONG = {
    "a method": ({"methods": ["gradcam"]}, r"explain: found 'gradcam', expected one of grad-cam, "),
    "a class": ({"target": "ill"}, r"--target: found 'ill', expected one of normal, lung\."),
    "two ways": ({"cases": "cases.csv"}, r"--cases: is many cases, so leave --image, --text"),
    "two in one folder": ({"cases": CASES}, r"out/a_1: would be of the cases 'a:1' and 'a/1'"),
    "an input": ({"values": {"age": "54"}}, r"reads text alone\. Leave --values\.age out"),
}


@pytest.mark.parametrize(("asked", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_explained_is_reported_before_the_work(study, tmp_path, asked, message):
    if asked.get("cases") is CASES:
        (tmp_path / "cases.csv").write_text(CASES)
        asked = {"cases": tmp_path / "cases.csv", "text": ""}
    with pytest.raises(UserError, match=message):
        call("explain", {"model": study.fold("text"), "text": "The lungs are clear.", "out": tmp_path / "out"} | asked)
    assert not (tmp_path / "out").exists()


def test_a_folder_holds_images_of_different_names_for_a_model_that_reads_them(study, tmp_path):
    def predicted(name: str, **others) -> None:
        call("predict", {"model": study.fold(name), "cases": tmp_path} | others)

    with pytest.raises(UserError, match=r"no image found; expected files that end in \.bmp"):
        predicted("image")
    for name in ["a.png", "a.jpg"]:
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"found 2 images called a\. Rename all but one"):
        predicted("image")
    with pytest.raises(UserError, match=r"is a folder of images, but .* reads text\. Give a table"):
        predicted("text")
    with pytest.raises(UserError, match=r"--methods and --target: are of explanations\. Add --explain"):
        predicted("image", target="lung")

"""Explaining new cases from the command line."""

import json

import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.relevance.explain import main


@pytest.fixture(scope="module")
def study(trained):
    return trained()


def test_a_case_of_image_text_and_columns_is_explained_in_one_picture(study, tmp_path):
    case = {"image": study.small.save_png(1), "text": study.small.pairs["findings"][1], "values": {"age": "54"}}
    methods = ["grad-cam", "occlusion", "integrated-gradients", "shapley"]
    main(model=study.fold("kv-exchange-full"), **case, methods=methods, out=tmp_path)
    record = json.loads((tmp_path / "explanation.json").read_text())
    assert set(record["methods"]) == set(methods)
    assert set(record["modalities"]) == {"image", "text", "structured"}
    assert len(record["methods"]["occlusion"]["words"]) == len(record["words"])
    assert record["columns"] == {"age": "54 years", "sex": "?"}
    picture = (tmp_path / "explanation.svg").read_text()
    for shown in ["Grad-CAM", "Occlusion", "age 54 years", "no diagnosis"]:
        assert shown in picture


def test_each_case_of_a_table_gets_a_folder_and_methods_are_those_that_can_explain_it(study, tmp_path):
    cases = pd.DataFrame({"id": ["first", "second case"], "text": study.small.pairs["findings"][:2]})
    cases.to_csv(tmp_path / "cases.csv", index=False)
    main(model=study.fold("text"), cases=tmp_path / "cases.csv", target="lung", out=tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["first", "second case"]
    record = json.loads((tmp_path / "out/first/explanation.json").read_text())
    assert record["title"].startswith("Explained for lung: p(lung) = 0.")
    assert set(record["methods"]) == {"integrated-gradients", "lrp", "occlusion", "relevancy", "rollout"}
    assert all(each["checks"] == "not checked" for each in record["methods"].values())


WRONG = {
    "a method": ({"methods": ["gradcam"]}, r"explain: found 'gradcam', expected one of grad-cam, "),
    "a class": ({"target": "ill"}, r"--target: found 'ill', expected one of normal, lung\."),
    "two ways": ({"cases": "cases.csv"}, r"--cases: is a table of cases, so leave --image, --text"),
    "an input": ({"values": {"age": "54"}}, r"reads text alone\. Leave --values\.age out"),
}


@pytest.mark.parametrize(("asked", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_explained_is_told_before_the_work(study, tmp_path, asked, message):
    with pytest.raises(UserError, match=message):
        main(model=study.fold("text"), text="The lungs are clear.", out=tmp_path / "out", **asked)
    assert not (tmp_path / "out").exists()

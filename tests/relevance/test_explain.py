"""Explaining new cases from the command line."""

import json

import pytest

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

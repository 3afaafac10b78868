"""The features of frozen encoders: those of different inputs never take each other's place."""

import pytest

from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan

IMAGE = {"architecture": "image", "images": "raw"}


def feature_sets(params: dict, *models: dict) -> dict:
    """The features of a study of a table with these models, by their encoders and what is read."""
    study = params["studies"]["covid-pneumonia"]
    study["table"]["texts"] = {model["text"]: "a column" for model in models if "text" in model}
    study["filter"]["text_fields"] = list(study["table"]["texts"])
    study["models"] = {f"model{number}": model for number, model in enumerate(models)}
    return Plan(*load_study(params | {"study": "covid-pneumonia"})).feature_sets


def test_a_section_called_like_a_kind_of_images_is_read_as_text(params):
    found = feature_sets(params, IMAGE, {"architecture": "text", "text": "raw"})
    assert {(made.modality, made.choice) for made in found.values()} == {("image", "raw"), ("text", "raw")}
    assert len({made.folder for made in found.values()}) == 2


@pytest.mark.parametrize(
    ("section", "encoders"), [("findings_mean", {"pooling": "mean"}), ("findings_max16", {"max_tokens": 16})]
)
def test_a_section_called_like_other_features_of_another_has_features_of_its_own(params, section, encoders):
    text = {"architecture": "text", "encoders": {"pooling": "none"}}
    found = feature_sets(params, text | {"text": section}, text | {"text": "findings", "encoders": encoders})
    assert len({made.folder for made in found.values()}) == 2

"""A study with several images a case, and models of several of them or of several texts."""

import pytest

from lungfuse.errors import UserError
from lungfuse.plan.features import feature_sets
from lungfuse.plan.load import load_studies
from lungfuse.plan.plan import Plan

VIEWS = ["Frontal", "Lateral"]
MODELS = {
    "majority": {},
    "image": {"images": "raw"},
    "image_lateral": {"architecture": "image", "images": "raw@Lateral"},
    "segmented": {"architecture": "image", "images": "segmented:unet-cxr-masks"},
    "text": {"text": ["indication", "findings"]},
    "early": {"images": "raw", "text": ["indication", "findings"]},
    "late": {"images": "raw", "text": ["indication", "findings"]},
}


def planned(params: dict, models: dict | None = None, view: object = VIEWS) -> Plan:
    demo = params["studies"]["demo"] | {"view": view, "models": MODELS if models is None else models}
    params["studies"] = {"demo": demo | {"leakage": {"sections": []}}}
    return Plan("demo", load_studies(params)["demo"])


def test_a_model_reads_all_views_of_a_case_or_one(params):
    read = {name: config.inputs for name, config in planned(params).configs.items()}
    assert read["image"] == {"image": "raw@Frontal+Lateral"} and read["image_lateral"] == {"image": "raw@Lateral"}
    assert read["segmented"] == {"image": "segmented:unet-cxr-masks@Frontal+Lateral"}
    assert read["early"] == {"image": "raw@Frontal+Lateral", "text": "indication+findings"}


def test_each_image_and_text_is_encoded_once_for_all_models(params):
    plan = planned(params)
    made = sorted(reads for _, reads in plan.feature_sets)
    assert made == [
        "findings", "indication", "raw_Frontal", "raw_Lateral", "segmented_unet-cxr-masks_Frontal",
        "segmented_unet-cxr-masks_Lateral",
    ]  # fmt: skip
    assert [each.reads for each in feature_sets(plan.configs["early"], "image")] == ["raw_Frontal", "raw_Lateral"]
    assert plan.configs["late"].parts == {"image": "image", "text": "text"}
    assert plan.configs["segmented"].segmenter == "unet-cxr-masks"
    assert {"image alone", "text alone"} <= {each.change for each in plan.contrasts}
    segmented = [each for each in plan.contrasts if each.change.startswith("segmented")]
    assert [plan.study.models[list(plan.configs)[each.intact]].images for each in segmented] == ["raw@Frontal+Lateral"]


@pytest.mark.parametrize(
    ("models", "view", "said"),
    [
        (
            {"image": {"images": "raw@Oblique"}},
            VIEWS,
            "image.images: found the view Oblique, expected some of the views",
        ),
        ({"image": {"images": "raw@Lateral"}}, "Frontal", "found the view Lateral, .* `view` is no list"),
        ({"image": {"images": "raw@Lateral+Lateral"}}, VIEWS, "expected each view once"),
        (
            {"image": {"images": "raw"}},
            ["Frontal", "Oblique"],
            "view: found 'Oblique', expected one of Frontal, Lateral",
        ),
        ({"image": {"images": "raw"}}, ["Frontal"], "view"),
        ({"image": {"images": "raw", "explained": True}}, VIEWS, "several images or texts are not explained yet"),
        ({"text": {"text": ["findings", "history"]}}, VIEWS, "reads history, which is not among filter.text_fields"),
        ({"text": {"text": ["findings", "findings"]}}, VIEWS, "expected each section once"),
    ],
)
def test_what_cannot_be_read_of_a_case_is_refused(params, models, view, said):
    with pytest.raises(UserError, match=said):
        planned(params, models, view)

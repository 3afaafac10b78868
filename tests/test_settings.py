import copy
import json

import jsonschema
import pytest
from conftest import ROOT

from lungfuse.compare.contrasts import contrasts
from lungfuse.errors import UserError
from lungfuse.settings import load_studies, load_study, params_schema, read_params, to_json

SCHEMA = ROOT / "workflow/schemas/params.schema.json"


@pytest.fixture
def params():
    return copy.deepcopy(read_params(ROOT / "params.yaml"))


def test_params_yaml_holds_the_three_studies(params):
    assert {"openi", "openi-text", "demo"} <= set(load_studies(params))


def test_a_study_overrides_single_defaults(params):
    studies = load_studies(params)
    assert studies["demo"].filter.balance == "random"
    assert studies["demo"].filter.labels == studies["openi"].filter.labels


def test_schema_file_agrees_with_the_settings():
    assert json.loads(SCHEMA.read_text()) == params_schema(), "run `make schema`"


def test_schema_accepts_params_yaml_and_rejects_an_unknown_key(params):
    jsonschema.validate(params, params_schema())
    params["defaults"]["filter"]["balanse"] = "first"
    with pytest.raises(jsonschema.ValidationError, match="balanse"):
        jsonschema.validate(params, params_schema())


def test_every_setting_has_a_value_in_params_yaml_and_none_in_the_code(params):
    del params["defaults"]["split"]["folds"]
    with pytest.raises(UserError, match=r"defaults\.split\.folds: missing"):
        load_studies(params)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": {"imagepx": 64}}, r"studies\.demo\.images\.imagepx: unknown key \(did you mean image_px\?\).*fit"),
        ({"split": {"folds": "5"}}, r"studies\.demo\.split\.folds: found '5'.*valid integer"),
        ({"split": {"folds": 1}}, r"studies\.demo\.split\.folds: found 1.*greater than or equal to 2"),
        ({"filter": {"balance": "last"}}, r"filter\.balance: found 'last'.*'first', 'random' or 'none'"),
        (
            {"baselines": {"tfidf": {"words": [3, 1]}}},
            r"baselines\.tfidf\.words: found \[3, 1\].*\[shortest, longest\]",
        ),
        ({"adapter": "mimic"}, r"adapter: found 'mimic'.*expected one of .*openi"),
        ({"models": {"tfidf": {}}}, r"models\.tfidf: .*tfidf takes text, found none"),
        ({"models": {"svm": {"text": "findings"}}}, r"models\.svm\.model: missing"),
        (
            {"models": {"majority": {}, "again": {"model": "majority"}}},
            "models.again: has the model and inputs of",
        ),
        ({"models": {"tfidf": {"text": "comparison"}}}, "models.tfidf: reads comparison, which is not among filter.te"),
        ({"models": {"majority": {"train": {"epoch": 3}}}}, r"models\.majority\.train\.epoch: Extra inputs"),
        (
            {"models": {"majority": {"txet": "findings"}}},
            r"txet: unknown key \(did you mean text\?\).*images",
        ),
        (
            {"models": {"late": {"images": "raw", "text": "findings"}}},
            "no row of model image and text has the same",
        ),
        ({"modalities": ["image"]}, "models.tfidf: needs text, which is not among the modalities"),
        ({"modalities": []}, r"modalities: found \[\]"),
        (
            {"segmentation": {"annotated": {"adapter": "openi"}}},
            r"segmentation\.annotated\.adapter: found 'openi'.*expected one of montgomery, nlm_tb",
        ),
        (
            {"segmentation": {"annotated": {"image_px": 100}}},
            r"annotated\.image_px: found 100, expected a multiple of 16 for a U-Net of depth 5",
        ),
        (
            {"cnns": {"arms": ["segmented:unet-lourdes"]}},
            r"segmented:unet-lourdes: no segmenter is called 'unet-lourdes'; expected one of packaged, unet-cxr-masks",
        ),
        ({"models": {"image": {"images": "segmented"}}}, r"models\.image\.images: found 'segmented'"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(params, change, message):
    params["studies"]["demo"] |= change
    with pytest.raises(UserError, match=message):
        load_studies(params)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"study": "opnei"}, "study: found 'opnei', expected one of demo, openi, openi-drawn, openi-text, tb"),
        ({"studdies": {}}, r"studdies: unknown key \(did you mean studies\?\)"),
        ({"defaults": None}, "defaults: found None, expected a mapping"),
        ({"studies": {"demo": 3}}, r"studies\.demo: found 3, expected a mapping"),
    ],
)
def test_a_wrong_top_level_is_named(params, change, message):
    with pytest.raises(UserError, match=message):
        load_study(params | change)


def test_all_problems_are_told_at_once(params):
    params["defaults"]["seed"] = -1
    params["studies"]["demo"]["notice"] = 3
    with pytest.raises(UserError) as error:
        load_studies(params)
    assert "defaults.seed" in str(error.value)
    assert "studies.demo.notice" in str(error.value)


def test_broken_yaml_is_named(tmp_path):
    (tmp_path / "params.yaml").write_text("study: [")
    with pytest.raises(UserError, match=r"params\.yaml: is not valid YAML"):
        read_params(tmp_path / "params.yaml")


def test_a_row_bears_its_models_name_or_says_which_model_it_is(studies):
    rows = studies["openi-text"].models
    assert list(rows)[:3] == ["majority", "tfidf", "tfidf_impression"]
    assert rows["tfidf"].model == rows["tfidf_impression"].model == "tfidf"


def test_a_fused_row_takes_its_encoders_from_the_unimodal_rows_that_trained_them(studies):
    demo, row = studies["demo"], studies["demo"].models["kv-exchange"]
    assert demo.parts_of(row) == {"image": "image", "text": "text"}
    assert demo.encoder_source(row, "image", fold=2) == "image_fold2"
    from_the_start = demo.model_copy(update={"train": demo.train.model_copy(update={"start": "encoder"})})
    assert from_the_start.encoder_source(row, "image", fold=2) == "vit-tiny"


def test_rows_that_differ_in_one_thing_are_found(studies):
    def found(study: str) -> list[tuple[str, str, str]]:
        rows = list(studies[study].models.values())
        return [(rows[one.intact].label, one.change, rows[one.changed].label) for one in contrasts(rows)]

    demo = found("demo")
    assert ("linear-probe", "mask-only", "linear-probe") in demo
    assert ("kv-exchange", "shuffled-text", "kv-exchange:shuffled-text") in demo
    assert ("irene", "text alone", "text") in demo
    assert not [change for intact, change, _ in demo if "shuffled" in intact], "a shuffled row is no measure of others"
    assert {intact for intact, *_ in found("tb")} == {"linear-probe"}, "the fine-tuned row reads raw images alone"
    assert found("openi-text") == []


def test_settings_travel_as_json(studies):
    assert json.loads(to_json(studies["demo"].split)) == {"folds": 5}
    assert json.loads(to_json(list(studies["demo"].models.values())))[0]["model"] == "majority"

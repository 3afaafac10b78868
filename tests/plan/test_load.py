"""The studies of params.yaml: read, checked, and every mistake named with what is allowed."""

import json

import jsonschema
import pytest
from conftest import ROOT

from lungfuse.errors import UserError
from lungfuse.plan.load import load_studies, load_study
from lungfuse.plan.schema import params_schema
from lungfuse.settings.base import Settings
from lungfuse.settings.params import read_params, to_json
from lungfuse.settings.problems import problem_in_words
from lungfuse.settings.renamed import OLD_KEYS

SCHEMA = ROOT / "workflow/schemas/params.schema.json"


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
        (
            {"images": {"imagesize": 64}},
            r"studies\.demo\.images\.imagesize: unknown key \(did you mean image_size\?\).*fit",
        ),
        ({"split": {"folds": "5"}}, r"studies\.demo\.split\.folds: found '5'.*valid integer"),
        ({"split": {"folds": 1}}, r"studies\.demo\.split: folds: found 1, expected 2 or more"),
        ({"filter": {"balance": "last"}}, r"filter\.balance: found 'last'.*'first', 'random' or 'none'"),
        (
            {"models": {"tfidf": {"text": "findings", "settings": {"words": [3, 1]}}}},
            r"models\.tfidf: settings\.words: \[3, 1\] is not \[shortest, longest\]; it has words, characters",
        ),
        (
            {"models": {"tfidf": {"text": "findings", "settings": {"word": [1, 3]}}}},
            r"models\.tfidf: settings: .*'word' was unexpected.*; it has words, characters",
        ),
        (
            {"models": {"tfidf": {"text": "findings", "explained": True}}},
            r"models\.tfidf\.explained: found true, but tfidf is no network; leave it out, or explain a linear-probe",
        ),
        ({"explanations": {"inside": "lungs"}}, r"explanations\.inside: found 'lungs', expected one of packaged"),
        ({"dataset": "mimic"}, r"dataset: found 'mimic'.*expected one of .*openi"),
        ({"models": {"tfidf": {}}}, r"models\.tfidf: .*tfidf takes text, found none"),
        (
            {"models": {"image": {"images": ["raw", "raw"]}}},
            r"models\.image: images: found .*, expected one kind of images",
        ),
        ({"models": {"svm": {"text": "findings"}}}, r"studies\.demo\.models\.svm\.architecture: missing"),
        (
            {"models": {"majority": {}, "again": {"architecture": "majority"}}},
            r"models\.again: is the same as majority in everything; remove one",
        ),
        ({"models": {"tfidf": {"text": "comparison"}}}, "models.tfidf: reads comparison, which is not among filter.te"),
        (
            {"models": {"majority": {"train": {"epoch": 3}}}},
            r"studies\.demo\.models\.majority\.train\.epoch: unknown key \(did you mean epochs\?\)",
        ),
        ({"models": {"majority": {"train": {"epochs": True}}}}, r"models\.majority\.train\.epochs: found True"),
        (
            {"models": {"majority": {"train": {"augment": {"rotation": "7"}, "epochs": 0}}}},
            r"models\.majority\.train\.epochs: found 0.*\n.*models\.majority\.train\.augment\.rotation: found '7'",
        ),
        (
            {"models": {"majority": {"train": {"batch_size": 15, "devices": 2}}}},
            r"models\.majority\.train: batch_size 15 cannot be shared by 2 devices",
        ),
        (
            {"models": {"image": {"images": "raw", "train": {"layers": "top:99"}}}},
            r"models\.image\.train\.layers: found top:99, but vit-tiny has 4 layers; say full",
        ),
        (
            {"train": {"gradient_clip": float("inf")}},
            r"studies\.demo\.train\.gradient_clip: found inf\. .*finite number",
        ),
        ({"train": {"clip": 1.0}}, r"studies\.demo\.train\.clip: was renamed; say gradient_clip\.$"),
        ({"adapter": "openi"}, r"studies\.demo\.adapter: was renamed; say dataset\.$"),
        (
            {"models": {"image": {"images": "raw", "train": {"start": "encoder"}}}},
            r"models\.image\.train\.start: was renamed; say init_from\.$",
        ),
        ({"models": {"text": {"text": "findings", "repeats": 2}}}, r"repeats: was renamed; say n_seeds\.$"),
        ({"table": {"apart": ["doi"]}}, r"table\.apart: was renamed; say group_by\.(\n|$)"),
        ({"table": {"texts": {"a": {"column": "A", "cut": ["x"]}}}}, r"cut: was renamed; say redact_terms\.(\n|$)"),
        ({"seed": 2**32 - 1}, r"seed: found 4294967295.*less than 2147483648"),
        ({"modalities": ["text", "text"]}, r"modalities: found \['text', 'text'\]. found text more than once"),
        ({"leakage": {"sections": ["findings"] * 2}}, r"leakage\.sections: .*found findings more than once"),
        (
            {"models": {"majority": {"txet": "findings"}}},
            r"txet: unknown key \(did you mean text\?\).*images",
        ),
        (
            {"models": {"text": {"text": "findings", "label": "x"}}},
            r"models\.text\.label: unknown key.*Allowed: architecture,",
        ),
        (
            {"models": {"late": {"images": "raw", "text": "findings"}}},
            "no model of image and text has the same",
        ),
        ({"modalities": ["image"]}, "models.tfidf: needs text, which is not among the modalities"),
        ({"modalities": []}, r"modalities: found \[\]"),
        (
            {"segmentation": {"annotated": {"dataset": "openi"}}},
            r"segmentation\.annotated\.dataset: found 'openi'.*expected one of montgomery, nlm_tb, table",
        ),
        (
            {"segmentation": {"annotated": {"dataset": "table"}}},
            r"found the dataset table with raw tb; it is that of a study of a table that names masks",
        ),
        (
            {"segmentation": {"annotated": {"image_size": 100}}},
            r"annotated\.image_size: found 100, expected a multiple of 16 for a U-Net of depth 5",
        ),
        (
            {"models": {"image": {"images": "segmented:unet-lourdes"}}},
            r"segmented:unet-lourdes: no segmenter is called 'unet-lourdes'; expected one of packaged, unet-cxr-masks",
        ),
        (
            {"encoders": {"max_tokens": 600}},
            r"encoders\.max_tokens: found 600\. bert-base has positions for 512 tokens",
        ),
        ({"shortcuts": {"words": ["..."]}}, r"shortcuts\.words\.0: found '\.\.\.'"),
        (
            {"models": {"image": {"images": "segmented"}}},
            r"models\.image: images: found 'segmented', expected raw, segm",
        ),
        ({"models": {"image": {"model": "image"}}}, r"models\.image\.model: was renamed; say architecture\."),
        ({"models": {"mine": {"model": "image"}}}, r"models\.mine\.model: was renamed; say architecture\."),
        (
            {"cnns": {"networks": ["vgg19"]}},
            r"studies\.demo\.cnns: is gone, for its networks are encoders now: say mod",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(params, change, message):
    params["studies"]["demo"] |= change
    with pytest.raises(UserError, match=message):
        load_studies(params)


def test_every_old_key_is_refused_with_the_new_name_where_that_is_a_setting():
    kinds = [kind for kind in subclasses(Settings) if kind.__module__.startswith("lungfuse.settings.")]
    for old, new in OLD_KEYS.items():
        known = [kind for kind in kinds if new in kind.model_fields]
        assert known and not any(old in kind.model_fields for kind in known), old
        for kind in known:
            problem = {"type": "extra_forbidden", "loc": (old,)}
            assert problem_in_words("here", problem, kind) == f"here.{old}: was renamed; say {new}"


def subclasses(kind: type) -> list[type]:
    return [found for each in kind.__subclasses__() for found in [each, *subclasses(each)]]


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("modalities", ["text", "text"]),
        ("filter.text_fields", ["findings", "indication", "findings"]),
        ("leakage.sections", ["findings", "findings"]),
        ("segmentation.segmenters.unet-a", ["Shenzhen", "Shenzhen"]),
    ],
)
def test_what_is_named_twice_is_not_computed_twice(params, place, names):
    section = params["studies"]["demo"]
    *above, last = place.split(".")
    for key in above:
        section = section.setdefault(key, {})
    section[last] = names
    with pytest.raises(UserError, match=rf"{place}: .*found {names[-1]} more than once; list each once"):
        load_studies(params)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"study": "opnei"},
            "study: found .opnei., expected one of brain, covid, .*demo, demo-full, .*openi-text, ",
        ),
        ({"studdies": {}}, r"studdies: unknown key \(did you mean studies\?\)"),
        ({"defaults": None}, "defaults: found None, expected a mapping"),
        *(
            ({"studies": {name: {}}}, "studies: found the name .*, expected lower-case letters and digits")
            for name in ["../../etc", "my study; rm -rf x", "x{row}", "", "-x", 7]
        ),
        ({"studies": {"demo": 3}}, r"studies\.demo: found 3, expected a mapping"),
    ],
)
def test_a_wrong_top_level_is_named(params, change, message):
    with pytest.raises(UserError, match=message):
        load_study(params | change)


def test_all_problems_are_reported_at_once(params):
    params["defaults"]["seed"] = -1
    params["studies"]["demo"]["notice"] = 3
    with pytest.raises(UserError) as error:
        load_studies(params)
    assert "defaults.seed" in str(error.value)
    assert "studies.demo.notice" in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"study: [", "line 1: expected the node content"),
        (b"study: a\nstudies:\n  a: {seed: 1,\n    seed: 2}\n", "line 4: the key 'seed' comes twice, first in line 3"),
        (b"study: a\nseed: 1\nstudy: b\n", "line 3: the key 'study' comes twice, first in line 1"),
        (b"study: a\nstudies:\n\ta: {}\n", "line 3: found character .* Indent with spaces, not with tabs"),
        (b"study: a\n<<<<<<< mine\nseed: 1\n=======\nseed: 2\n", "line 3: .*Line 2 is the mark of a merge"),
        (b"study: a\nnotice: caf\xe9\n", "line 2: byte 0xe9 is not UTF-8. Save the file as UTF-8"),
        (b"study: a\x00\n", "is not valid YAML"),
        (b"study: a\nafter: 2021-13-45\n", "line 2: 2021-13-45 looks like a date and is none"),
        (b"- study\n", "found list, expected a mapping"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_named_with_its_line(tmp_path, content, message):
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(UserError, match=rf"params\.yaml: {message}"):
        read_params(tmp_path / "params.yaml")


def test_published_figures_stand_beside_their_own_data_alone(studies):
    published = {name for name, study in studies.items() if study.comparison.published}
    assert published == {"openi", "openi-more-xrays", "openi-published", "openi-text", "brain", "dementia"}


def test_settings_travel_as_json(studies):
    assert json.loads(to_json(studies["demo"].images)) == {"image_size": 64, "fit": "pad", "colour": False}
    assert json.loads(to_json(list(studies["demo"].models.values())))[0]["architecture"] == "majority"


def test_weighing_classes_alike_and_comparing_by_accuracy_is_refused(params):
    covid = params["studies"]["covid-pneumonia"]
    covid["comparison"] = {"primary": "accuracy"}
    assert load_studies(params, only="covid-pneumonia"), "it weighs no class"
    covid["class_weights"] = "balanced"
    said = r"studies\.covid-pneumonia\.comparison\.primary: found accuracy with class_weights: balanced, so .* Say"
    with pytest.raises(UserError, match=said):
        load_studies(params, only="covid-pneumonia")
    for primary in ["auroc", "balanced_accuracy"]:
        covid["comparison"] = {"primary": primary}
        assert load_studies(params, only="covid-pneumonia")
    covid["comparison"] = {"primary": "f1"}
    with pytest.raises(UserError, match=r"comparison\.primary: found 'f1'.* or 'r2'"):
        load_studies(params)


def test_a_wrong_setting_of_the_pre_training_is_named(params):
    params["studies"]["openi"]["pretraining"] = {"train": {"layers": "most"}}
    with pytest.raises(UserError, match=r"studies\.openi\.pretraining\.train\.layers: found 'most'"):
        load_studies(params)

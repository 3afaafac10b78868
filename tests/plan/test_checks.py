"""Settings that would fail hours later, or pass for others, are refused at once, where they stand."""

import pytest

from lungfuse.errors import UserError
from lungfuse.plan.load import load_studies


def refused(params: dict, place: str, value: object, study: str = "demo") -> str:
    """What is said of a study with another value at a place."""
    said = params["studies"][study]
    *above, last = place.split(".")
    for key in above:
        said[key] = dict(said.get(key, {}))
        said = said[key]
    said[last] = value
    with pytest.raises(UserError) as error:
        load_studies(params, only=study)
    return str(error.value)


@pytest.mark.parametrize("value", [False, 0, [], None, {}, ""])
@pytest.mark.parametrize(
    ("model", "key"), [("image", "images"), ("early", "images"), ("text", "text"), ("logistic", "structured")]
)
def test_an_input_that_is_nothing_does_not_make_a_model_of_fewer_inputs(params, model, key, value):
    said = refused(params, f"models.{model}.{key}", value)
    found = [""] if (key, value) == ("structured", "") else value
    assert f"studies.demo.models.{model}: {key}: found {found!r}, expected" in said


@pytest.mark.parametrize(
    ("study", "columns", "said"),
    [
        ("demo", ["weight"], "found weight, which the dataset demo does not have. It has age, sex, crp"),
        ("skin", ["age", "weight"], "found weight, which the dataset table does not have. It has"),
        ("covid-pneumonia", ["finding"], "found finding, which the labels are read from. Leave it out"),
    ],
)
def test_a_column_that_no_case_has_or_that_is_the_label_is_refused(params, study, columns, said):
    model = {"architecture": "logistic", "structured": columns}
    assert f"studies.{study}.models.mine.structured: {said}" in refused(params, "models.mine", model, study)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("view", "a/b", "studies.demo.view: found 'a/b', expected one of Frontal, Lateral"),
        ("filter.text_fields", ["history"], "studies.demo.filter.text_fields: found history, expected some of comp"),
        ("leakage.sections", ["history"], "studies.demo.leakage.sections: found history, expected some of comparison"),
        ("shortcuts.words", ["x", "x"], "studies.demo.shortcuts.words: found ['x', 'x']. found x more than once"),
        ("segmentation.segmenters", ["top:99"], "segmentation.segmenters: found ['top:99']. Input should be a valid"),
    ],
)
def test_what_the_dataset_does_not_have_or_comes_twice_is_refused(params, place, value, said):
    assert said in refused(params, place, value)


def test_images_that_look_alike_cannot_be_kept_together_where_there_are_none(params):
    said = refused(params, "filter.group_by", ["patient", "image"], "openi-text")
    assert "studies.openi-text.filter.group_by: needs image, which is not among the modalities" in said
    assert "found 'pixels'" in refused(params, "filter.group_by", ["pixels"])


def test_a_view_of_a_table_without_views_is_refused(params):
    assert "studies.skin.view: found 'Frontal', expected one of any" in refused(params, "view", "Frontal", "skin")


@pytest.mark.parametrize("container", [1, True, None, ["docker://image"]])
def test_a_container_is_an_address(params, container):
    with pytest.raises(UserError, match=r"container: found .*, expected the address of an image"):
        load_studies(params | {"container": container})


def rules(*said: dict) -> list[dict]:
    return [{"name": f"class-{number}"} | rule for number, rule in enumerate(said)]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (rules({"heading": ["normal"]}, {"heading": "normal"}), "found 'normal' for two classes"),
        (rules(*[{"column": "sex", "positive": ["F"]}] * 2), "found 'F' for two classes"),
        (rules(*[{"column": "sex", "positive": [word], "negative": ["F"]} for word in "FM"]), "'F' among its positive"),
        (
            rules(*[{"column": "dx", "positive": [word]} for word in "FM"]),
            "found the column dx, which the dataset does",
        ),
    ],
)
def test_a_word_that_is_of_two_classes_or_in_no_column_is_refused(params, labels, said):
    assert said in refused(params, "filter.labels", labels)


@pytest.mark.parametrize(
    ("place", "value", "where"),
    [
        ("train.epoch", 3, "studies.demo.train.epoch: unknown key (did you mean epochs?)"),
        ("comparison", {"confidenc": 0.9}, "studies.demo.comparison.confidenc: unknown key"),
        ("models.text.layerz", 1, "studies.demo.models.text.layerz: unknown key"),
        ("models.text.train", {"layerz": 1}, "studies.demo.models.text.train.layerz: unknown key (did you mean layers"),
        ("segmentation.segmenters", {"top": ["x"]}, "studies.demo.segmentation.segmenters.top.[key]: found 'top'"),
    ],
)
def test_a_mistake_is_named_where_it_stands(params, place, value, where):
    assert where in refused(params, place, value)


def test_a_mistake_of_the_defaults_is_named_there(params):
    params["defaults"]["train"]["epoch"] = 3
    with pytest.raises(UserError, match=r"^params\.yaml:\n  defaults\.train\.epoch: unknown key[^\n]*$"):
        load_studies(params)


@pytest.mark.parametrize(
    ("study", "key", "value", "said"),
    [
        ("demo", "prevalence", {"lung": 0.1}, "found a mapping, expected a number: the share of 'lung'"),
        ("skin", "prevalence", 0.1, "found 0.1, expected a mapping by label: nv, mel, bkl, bcc, akiec, vasc, df"),
        ("skin", "prevalence", {"mel": 0.1}, "found mel 0.1; expected a share of every class, 1 in all"),
        ("openi-findings", "prevalence", {"melanoma": 0.1}, "found melanoma, expected some of "),
        ("skin", "cost_ratio", 4.0, "found 4; of several classes the likeliest is taken"),
        ("demo", "cost_ratio", 0, "found 0. Input should be greater than 0"),
        ("demo", "ratio", 4, "unknown key (did you mean cost_ratio?). Allowed: cost_ratio, prevalence"),
    ],
)
def test_costs_and_prevalences_that_do_not_fit_the_task_are_refused(params, study, key, value, said):
    found = refused(params, f"comparison.decision.{key}", value, study)
    assert f"studies.{study}.comparison.decision.{key}: {said}" in found


def test_a_decision_that_fits_is_taken(params):
    params["studies"]["openi-findings"]["comparison"] = {
        "decision": {"cost_ratio": 4, "prevalence": {"effusion": 0.02}}
    }
    params["studies"]["demo"]["comparison"] = {"decision": {"prevalence": 0.1}, "sensitivities": []}
    studies = load_studies(params)
    assert studies["openi-findings"].comparison.decision.prevalence == {"effusion": 0.02}
    assert studies["demo"].comparison.decision.cost_ratio == 1 and studies["demo"].comparison.sensitivities == []

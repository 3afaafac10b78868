"""When the inputs of a model are known, and what that says of a verdict on them."""

import pytest
from model_configs import model_config

from lungfuse.models.times import is_leak_check, of_different_times, times_of, verdict_refused, words
from lungfuse.plan.plan import Plan

BEFORE = {"text indication": "before_image", "structured age": "before_image"}
KNOWN = BEFORE | {"text findings": "with_report", "text notes": "after_outcome"}


def times(**inputs) -> dict[str, str]:
    return times_of(model_config("early" if len(inputs) > 1 else "tfidf", **inputs), KNOWN)


@pytest.mark.parametrize(
    ("inputs", "said", "mixed", "leak", "refused"),
    [
        ({"images": "raw", "text": "indication"}, "image; indication before the image", False, False, False),
        ({"images": "mask-only", "text": "findings"}, "image; findings with the report", True, True, False),
        ({"text": "findings"}, "findings with the report", False, True, False),
        ({"images": "raw", "structured": ["age"]}, "image; age before the image", False, False, False),
        ({"images": "raw", "text": "notes"}, "image; notes after the outcome", True, True, True),
        (
            {"images": "raw", "text": "indication", "structured": ["pulse", "age"]},
            "image; indication, age before the image; pulse at a time that is not known",
            True, False, False,
        ),
    ],
)  # fmt: skip
def test_the_times_of_inputs_decide_what_a_gain_by_them_means(inputs, said, mixed, leak, refused):
    found = times(**inputs)
    assert words(found) == said
    assert (of_different_times(found), is_leak_check(found), bool(verdict_refused(found))) == (mixed, leak, refused)


def test_a_refused_verdict_names_the_inputs():
    said = "notes: written by someone who knew the outcome, so not there when the image is read"
    assert verdict_refused(times(images="raw", text="notes")) == said


def test_every_input_that_a_study_fuses_has_a_time_but_values_whose_time_no_one_knows(studies):
    unknown = {}
    for name, study in studies.items():
        plan = Plan(name, study)
        found = [times_of(config, plan.known_times) for config in plan.configs.values()]
        unknown[name] = {source.split()[-1] for each in found for source, time in each.items() if time == "unknown"}
    blood = {"temperature", "leukocytes", "lymphocytes"}
    assert {name: found for name, found in unknown.items() if found} == {
        "covid": blood | {"oxygen", "neutrophils"}, "covid-pneumonia": blood
    }  # fmt: skip


def test_the_notes_of_covid_and_the_findings_of_openi_are_no_ground_for_a_verdict(studies):
    covid, openi = (Plan(name, studies[name]) for name in ["covid", "openi"])
    assert verdict_refused(times_of(covid.configs["early"], covid.known_times))
    assert is_leak_check(times_of(openi.configs["early"], openi.known_times))
    assert not is_leak_check(times_of(openi.configs["early_indication-age"], openi.known_times))


def test_when_an_input_is_known_makes_nothing_run_again(studies):
    study = studies["skin"]
    columns = {
        name: column.model_copy(update={"known": "after_outcome"}) for name, column in study.table.columns.items()
    }
    source = study.table.source.model_copy(update={"biases": ["another one"]})
    table = study.table.model_copy(update={"columns": columns, "source": source})
    plans = [Plan("skin", each) for each in [study, study.model_copy(update={"table": table})]]
    for stage in ["reports", "images", "annotated"]:
        before, after = (getattr(plan, stage)().settings for plan in plans)
        assert before == after, stage
    assert plans[0].configs == plans[1].configs and plans[0].known_times != plans[1].known_times

"""Each number of a generated report comes from a place of the outcome."""

import re

import pytest
from service_cases import drawn_outcome

from lungfuse_service.report_text.sentences import sentences_of

NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


def of_class(position: int, **changes) -> dict:
    outcome = drawn_outcome()
    outcome["questions"][0]["classes"][position] |= changes
    return outcome


def labels() -> dict:
    """An outcome of two labels, each there or not."""
    question = drawn_outcome()["questions"][0]
    return drawn_outcome(
        task="multilabel", questions=[question | {"label": name} for name in ["effusion", "mass"]], predicted=[]
    )


CASES = {
    "sure": drawn_outcome(),
    "both classes": of_class(0, in_set=True),
    "no class": of_class(1, in_set=False),
    "nothing known of the study": drawn_outcome(coverage=None),
    "parts missing": drawn_outcome(missing=["image", "age"], notes=["age is far from 18 to 90 years"]),
    "not explained": drawn_outcome(explanation=None, region=None),
    "labels": labels(),
    "extreme": of_class(1, probability=0.9999),
}


@pytest.mark.parametrize("name", CASES)
def test_every_number_stands_at_a_place_of_the_outcome(name):
    outcome = CASES[name]
    found = sentences_of(outcome)
    assert found
    for sentence in found:
        written = [text for _, text in sentence.sources]
        rest = sentence.text
        for text in sorted(written, key=len, reverse=True):
            assert text in sentence.text
            rest = rest.replace(text, "")
        assert NUMBER.findall(rest) == [], sentence.text
        for place, text in sentence.sources:
            at = outcome
            for key in place.split("."):
                at = at[int(key)] if isinstance(at, list) else at[key]
            assert text != "" and at not in (None, "")


def test_a_changed_number_changes_the_sentence():
    (before, *_), (after, *_) = (sentences_of(each) for each in [drawn_outcome(), of_class(1, probability=0.61)])
    assert "86 %" in before.text and "61 %" in after.text


def test_too_uncertain_is_an_answer():
    texts = [" ".join(each.text for each in sentences_of(CASES[name])) for name in ["both classes", "no class", "sure"]]
    assert "too uncertain to say: at 90 % confidence it can be “normal” or “lung”" in texts[0]
    assert "unlike the study's cases of any class" in texts[1]
    assert "uncertain" not in texts[2]


def test_what_the_model_did_without_is_said():
    text = " ".join(each.text for each in sentences_of(CASES["parts missing"]))
    assert "without an image" in text and "without a value of age" in text and "far from 18 to 90 years" in text

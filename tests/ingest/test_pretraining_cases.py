import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.ingest.pretraining_cases import headings_of, pretraining_cases, reports_with_labels
from lungfuse.settings.ingest import LabelRule

REPORTS = pd.DataFrame(
    [
        ("r1", "ann", "Lung/hypoinflation", "The lungs are low in volume.", ""),
        ("r2", "ann", "normal", "", "No acute disease."),
        ("r3", "bob", "normal", "the lungs are low in volume", ""),
        ("r4", "bob", "normal", "Clear.", ""),
        ("r5", "dot", "Nodule/lung; Opacity", "A nodule.", "Nodule."),
        ("r6", "eve", "", "", ""),
    ],
    columns=["report_id", "patient", "major", "findings", "impression"],
)
VIEWS = pd.DataFrame(
    [("i1", "r1"), ("i2", "r2"), ("i3", "r3"), ("i4", "r4"), ("i5", "r5"), ("i6", "r5"), ("i7", "r6"), ("i8", "r6")],
    columns=["image_id", "report_id"],
)
PAIRS = pd.DataFrame({"report_id": ["r1"], "image_id": ["i1"]})
INDEX = pd.DataFrame({"image_id": ["i1", "i2", "i3", "i4", "i5", "i6", "i7"]})


def test_nobody_is_among_the_others_who_shares_a_patient_or_a_text_with_a_pair_directly_or_through_others():
    found = pretraining_cases(REPORTS, VIEWS, PAIRS, INDEX)
    assert list(found["image_id"]) == ["i5", "i6", "i7"]  # ann is of a pair, and bob has said the same
    assert not set(found["patient"]) & {"ann", "bob"}


def test_an_image_that_is_not_in_the_array_cannot_be_learned_from():
    assert "i8" not in set(pretraining_cases(REPORTS, VIEWS, PAIRS, INDEX)["image_id"])


def test_a_mark_that_keeps_cases_apart_keeps_them_from_the_others_too():
    marked = REPORTS.assign(apart=["paper 1", "", "", "", "paper 1", ""])
    assert list(pretraining_cases(marked, VIEWS, PAIRS, INDEX)["image_id"]) == ["i7"]


def test_headings_count_reports_and_are_unknown_where_there_are_none():
    found = headings_of(pretraining_cases(REPORTS, VIEWS, PAIRS, INDEX), min_reports=1)
    assert list(found) == ["nodule", "opacity"]
    assert found.fillna(-1).to_numpy().tolist() == [[1, 1], [1, 1], [-1, -1]]


def test_headings_that_are_too_rare_stop_the_training_with_what_to_do():
    with pytest.raises(UserError, match=r"pretraining\.min_reports: .* no heading stands in 2 reports\. Ask for fewer"):
        headings_of(pretraining_cases(REPORTS, VIEWS, PAIRS, INDEX), min_reports=2)


def test_labels_of_the_study_can_be_left_out_with_what_having_no_other_heading_would_say():
    rules = [LabelRule(name="ill", heading="Nodule"), LabelRule(name="lung", heading="Lung", match="contains")]
    cases = REPORTS.assign(report_id=REPORTS["report_id"] + "x").reset_index(drop=True)
    found = headings_of(cases, 1, rules)
    assert list(found) == ["normal", "opacity"]
    assert found.fillna(-1).to_numpy().tolist() == [[-1, -1], [1, 0], [1, 0], [1, 0], [0, 1], [-1, -1]]
    twice = pd.concat([cases, cases.tail(2)], ignore_index=True)  # a report with two images
    assert reports_with_labels(twice, rules, ["nodule", "opacity"]) == {"ill": 1}, "lung is too rare to be learned"
    assert reports_with_labels(twice, rules, ["nodule", "lung"]) == {"ill": 1, "lung": 1}

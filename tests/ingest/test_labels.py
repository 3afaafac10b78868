"""Cases of several classes or labels, by headings or by the words of a column, some of them unknown."""

import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.ingest.filter import FilterInputs, select_pairs
from lungfuse.settings.ingest import FilterSettings
from lungfuse.tables.ingest import SECTIONS
from lungfuse.tasks import load_task

SETTINGS = {"balance": "none", "required": None, "text_fields": ["findings"]}
CLASSES = [{"name": name, "column": "diagnosis", "positive": [name]} for name in ["naevus", "melanoma", "wart"]]
LABELS = [
    {"name": "effusion", "heading": "Effusion"},
    {"name": "died", "column": "outcome", "positive": ["dead"], "negative": ["alive"]},
]


def found(majors, images=None, values=None, readable=None) -> FilterInputs:
    """A report R0, R1... with these headings each; images are pairs of report and whether it is frontal."""
    ids = [f"R{number}" for number in range(len(majors))]
    reports = pd.DataFrame({"report_id": ids, "patient": ids, "site": "", "major": majors, "automatic": ""})
    reports = reports.assign(**dict.fromkeys(SECTIONS, "") | {"findings": [f"text {name}" for name in ids]})
    images = [(name, "Frontal") for name in ids] if images is None else images
    views = pd.DataFrame(images, columns=["report_id", "view"], dtype=str)
    views["image_id"] = "I" + views.index.astype(str)
    return FilterInputs(reports, views, pd.DataFrame({"report_id": ids} | (values or {})), readable)


def select(what: FilterInputs, labels, task="multilabel", modalities=("text",), **rules):
    settings = FilterSettings(**SETTINGS | {"labels": labels} | rules)
    asked = load_task(task, [rule["name"] for rule in labels])
    pairs, steps, dropped = select_pairs(what, asked, list(modalities), "Frontal", settings, seed=0)
    return pairs.set_index("report_id", drop=False), steps.set_index("step"), dropped


def test_a_label_is_known_where_its_rule_says_so():
    what = found(
        ["Effusion/left", "normal", "", "", "normal"], values={"outcome": ["dead", "", "alive", "moved", "dead"]}
    )
    pairs, steps, dropped = select(what, LABELS)
    known = pairs[["label_effusion", "label_died"]].astype(object).fillna("unknown")
    assert known["label_effusion"].to_dict() == {"R0": 1, "R1": 0, "R2": "unknown", "R4": 0}
    assert known["label_died"].to_dict() == {"R0": 1, "R1": "unknown", "R2": 0, "R4": 1}
    assert dropped == [("report", "R3", "has no label that is known")]
    assert steps.loc["pairs"].to_dict() == {"count": 4, "effusion": 1, "died": 2}
    assert steps.loc["images", ["effusion", "died"]].isna().all(), "before there are labels"


def test_without_negative_words_any_other_word_takes_the_label():
    labels = [LABELS[0], {"name": "died", "column": "outcome", "positive": ["dead"]}]
    pairs, _, _ = select(found(["Effusion"] * 3, values={"outcome": ["dead", "moved", ""]}), labels)
    assert pairs["label_died"].fillna(-1).tolist() == [1, 0, -1]


def test_a_case_that_fits_several_classes_is_named_and_one_that_fits_none_is_not_of_the_study():
    labels = [*CLASSES, {"name": "burn", "heading": "Burn"}]
    what = found(["", "Burn", "Burn", "", "", ""], values={"diagnosis": ["naevus", "wart", "", "melanoma", "", "wart"]})
    pairs, steps, dropped = select(what, labels, task="multiclass")
    assert pairs["label"].to_dict() == {"R0": 0, "R2": 3, "R3": 1, "R5": 2}
    assert dropped == [("report", "R1", "fits several classes, wart and burn")]
    assert steps.loc["labelled reports"].tolist() == [4, 1, 1, 1, 1]
    assert "balanced reports" in steps.index


def test_several_classes_are_balanced_to_the_smallest():
    what = found([""] * 7, values={"diagnosis": ["naevus"] * 3 + ["melanoma"] * 2 + ["wart"] * 2})
    pairs, steps, _ = select(what, CLASSES, task="multiclass", balance="first")
    assert list(pairs.index) == ["R0", "R1", "R3", "R4", "R5", "R6"]
    assert steps.loc["balanced reports"].tolist() == [6, 2, 2, 2]


def test_a_class_whose_reports_all_fit_another_leaves_nothing_to_balance():
    labels = [*CLASSES, {"name": "burn", "heading": "Burn"}]
    what = found(["", "", "", "Burn"], values={"diagnosis": ["naevus", "melanoma", "wart", "wart"]})
    assert select(what, labels, task="multiclass", balance="first")[0].empty


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([{"name": "a", "column": "outcom", "positive": ["dead"]}, LABELS[1]],
         "'a' is read from the column outcom, but the dataset's COLUMNS are outcome. Name one of them"),
        ([LABELS[1] | {"positive": ["Dead"]}, LABELS[0]],
         r"no report is 'died', for no value of the column outcome is 'Dead'. Those of 2 reports are 'dead' \(1\)"),
    ],
    ids=["column", "words"],
)  # fmt: skip
def test_a_rule_on_a_column_that_fits_nothing_says_what_there_is(labels, message):
    with pytest.raises(UserError, match=rf"^filter\.labels: {message}"):
        select(found(["Effusion"] * 2, values={"outcome": ["dead", "alive"]}), labels)


def test_a_pair_may_lack_a_modality_that_is_not_required():
    images = [("R0", "Frontal"), ("R0", "Frontal"), ("R1", "Lateral"), ("R2", "Frontal")]
    what = found(["Effusion"] * 4, images, {"outcome": ["dead"] * 4}, readable={"I0", "I1"})
    pairs, steps, _ = select(what, LABELS, modalities=["image", "text"], required=["text"])
    assert pairs[["pair_id", "image_id"]].to_numpy().tolist() == [
        ["I0", "I0"], ["I1", "I1"], ["R1", ""], ["R2", ""], ["R3", ""],
    ]  # fmt: skip
    assert steps.loc["readable images", "count"] == 2 and steps.loc["reports of pairs", "count"] == 4
    pairs, _, _ = select(what, LABELS, modalities=["image", "text"])
    assert list(pairs["pair_id"]) == ["I0", "I1"], "by default both are required"


def test_a_collection_without_images_makes_a_pair_of_each_report():
    pairs, _, _ = select(found(["Effusion"] * 2, [], {"outcome": ["dead"] * 2}), LABELS)
    assert pairs[["pair_id", "image_id"]].to_numpy().tolist() == [["R0", ""], ["R1", ""]]


def test_a_required_structured_value_is_not_one_that_a_label_is_read_from():
    what = found(["Effusion", "normal"], values={"outcome": ["dead", "alive"], "age": ["", "40"]})
    pairs, _, dropped = select(what, LABELS, modalities=["text", "structured"], required=["structured"])
    assert list(pairs.index) == ["R1"]
    assert dropped == [("pair", "I0", "has no structured values; its labels: effusion, died")]


def test_a_pair_with_nothing_to_read_is_named():
    what = found(["Effusion", "normal"], [], {"outcome": ["dead", "alive"], "age": ["", "40"]})
    pairs, _, dropped = select(what, LABELS, modalities=["structured"])
    assert list(pairs.index) == ["R1"]
    assert dropped == [("pair", "R0", "has no input; its labels: effusion, died")]


def test_a_section_that_no_report_has_is_reported_with_those_there_are():
    with pytest.raises(
        UserError, match=r"filter\.text_fields: found history, expected some of comparison, .*impression"
    ):
        select(found(["Effusion"]), LABELS, text_fields=["history"])

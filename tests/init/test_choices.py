"""What a column is, which role it gets, what a label asks, and which rows fit."""

import numpy as np
import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.init.guess import roles_of
from lungfuse.init.inputs import label_columns
from lungfuse.init.naming import named_like
from lungfuse.init.profile import profile, profiles_of
from lungfuse.init.question import question_of
from lungfuse.init.roles import UserRoles
from lungfuse.init.rows import Inputs, folds_for, rows_of
from lungfuse.vocabulary import column_name, grouped_views, label_name


def column(cells, name="x"):
    return profile(pd.Series([str(cell) for cell in cells], name=name, dtype=object))


N = range(100)


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("x", [""] * 9, "empty"),
        ("x", ["?", "n/a", ""], "empty"),
        ("x", ["a"] * 9, "constant"),
        ("age", [each % 70 for each in N], "number"),
        ("crp", [each / 7 for each in N], "number"),
        ("crp", ["none" if each % 9 == 0 else each / 7 for each in N], "number"),
        ("crp", [f"{'<' * (each % 2)}{each}" for each in N], "near-number"),
        ("weight", [f"{each} kg" for each in N], "number"),
        ("age", [f"{each % 70:03}Y" for each in N], "number"),
        ("StudyTime", [f"{each:02}1500.25" for each in range(24)], "time"),
        ("Study Date", [44_000 + each for each in N], "date"),
        ("code", [f"{1600 + each // 2}.0" for each in N], "number"),
        ("grade", [each % 4 for each in N], "number"),
        ("icu", ["Y", "N", ""] * 9, "yes/no"),
        ("icu", ["0.0", "1.0"] * 9, "yes/no"),
        ("row", N, "id"),
        ("patient_id", [each // 2 for each in N], "id"),
        ("code", [f"{each // 2:05}" for each in N], "id"),
        ("image", [f"ISIC_{each:07}" for each in N], "id"),
        ("lesion_id", [f"HAM_{each // 2}" for each in N], "id"),
        ("sex", ["F", "M"] * 50, "category"),
        ("place", [f"City {each % 80}" for each in N], "words"),
        ("note", [f"Seen on day {each}, and no cough was heard." for each in N], "text"),
        ("主诉", [f"第{each}天入院、咳嗽三日、双肺清晰。无异常" for each in N], "text"),
        ("主訴", [f"{each}日前から発熱と咳が続き、胸痛はない" for each in N], "text"),
        ("อาการ", [f"ไอมา{each}วันไม่มีไข้และไม่เจ็บหน้าอก" for each in N], "text"),
        ("الشكوى", [f"سعال حمى ضيق ألم {each}" for each in N], "text"),
        ("history", [f"no cough, some pain {each}" for each in N], "text"),
        ("seen", [f"Mon Jan {each % 28} 08:{each % 60:02}:00 2020" for each in N], "words"),
        ("address", [f"High St, York {each}" for each in N], "words"),
        ("病名", ["肺炎", "正常", "慢性阻塞性肺疾病急性加重期"] * 30, "category"),
        ("城市", [f"第{each}市" for each in N], "id"),
        ("link", [f"https://example.org/{each}" for each in N], "url"),
        ("date", ["2020", "January 6, 2020", "Mar 4, 2020"] * 9, "date"),
        ("year", ["2020", "2019"] * 9, "date"),
        ("dose", ["2020", "2019"] * 9, "number"),
    ],
)
def test_what_a_column_holds(name, cells, kind):
    assert column(cells, name).kind == kind


TABLE = pd.DataFrame(
    {
        "PatientID": [f"p{each // 2}" for each in N],
        "study_date": pd.date_range("2020-01-01", periods=100).strftime("%Y-%m-%d"),
        "Hospital": ["North", "South"] * 50,
        "doi": [f"10.1/{each // 3}" for each in N],
        "ViewPosition": ["PA", "AP", "LATERAL", "PA"] * 25,
        "file": [f"{each}.png" for each in N],
        "age": [str(each % 60 + 20) for each in N],
        "Weight [kg]": [str(each % 60 + 40) for each in N],
        "manufacturer": ["A", "B"] * 50,
        "crp": ["5" if each == 3 else "" for each in N],
        "notes": [f"Seen on day {each}, and no cough was heard." for each in N],
        "url": [f"https://example.org/{each}" for each in N],
        "dx": ["ill", "well"] * 50,
    }
)


def looked(**said):
    images = lambda cells: sum(cell.endswith(".png") for cell in cells) / len(cells)  # noqa: E731
    return roles_of(profiles_of(TABLE, images), UserRoles(labels=["dx"], **said))


def test_each_column_gets_its_role():
    found = looked()
    assert (found.patient, found.date, found.site, found.group_by) == ("PatientID", "study_date", "Hospital", ["doi"])
    assert (found.image, found.view) == ("file", "ViewPosition")
    assert found.views == {"Frontal": ["PA", "AP"], "Lateral": ["LATERAL"]}
    assert found.texts == {"notes": "notes"}
    assert {name: (each.column, each.unit) for name, each in found.columns.items()} == {
        "age": ("age", "years"), "weight_kg": ("Weight [kg]", "kg")
    }  # fmt: skip
    assert {name: why.split()[-1] for name, why in found.left.items()} == {
        "manufacturer": "patient", "crp": "nothing", "url": "addresses",
    }  # fmt: skip


def test_what_is_said_goes_before_what_is_guessed():
    found = looked(patient="file", site="none", texts=["none"], left=["AGE"], group_by=["none"])
    assert (found.patient, found.site, found.group_by, found.texts) == ("file", None, [], {})
    assert "age" not in found.columns
    with pytest.raises(UserError, match=r"--patient: found 'pat', .*no such column"):
        looked(patient="pat")


@pytest.mark.parametrize(
    ("said", "option"),
    [
        ({"texts": ["DX"]}, "text"),
        ({"left": ["dx"]}, "leave-out"),
        ({"group_by": ["dx"]}, "group-by"),
        ({"image": ["dx"]}, "image-column"),
        ({"patient": "dx"}, "patient"),
    ],
)
def test_a_label_that_is_named_for_another_role_is_said_to_be_the_label(said, option):
    with pytest.raises(UserError, match=f"--{option}: found 'dx', which is the label. Name another column"):
        looked(**said)


def test_a_column_that_is_left_out_and_named_for_a_role_is_said_to_be_left_out():
    with pytest.raises(UserError, match="--text: found 'notes', which --leave-out leaves out"):
        looked(texts=["notes"], left=["notes"])


def test_a_group_that_is_large_for_a_fold_keeps_nothing_apart():
    table = TABLE.assign(doi=np.where(np.arange(100) < 40, "10.1/1", TABLE["doi"]))
    found = roles_of(profiles_of(table), UserRoles(labels=["dx"]))
    assert found.group_by == []
    assert "40% of the rows in one fold" in found.left["doi"]


def test_several_words_are_classes_the_healthy_one_first():
    found = question_of([column(["nv"] * 9 + ["normal"] * 3 + ["mel"] * 5, "dx")], [], [])
    assert (found.task, [rule.name for rule in found.rules]) == ("multiclass", ["normal", "nv", "mel"])


def test_words_that_hold_the_positive_one_are_positive_too():
    cells = ["COVID-19"] * 9 + ["COVID-19, ARDS"] * 3 + ["SARS"] * 4 + ["No Finding"] * 2
    found = question_of([column(cells, "finding")], ["covid-19"], [])
    assert {rule.name: rule.positive for rule in found.rules} == {
        "other": ["SARS", "No Finding"], "covid-19": ["COVID-19", "COVID-19, ARDS"],
    }  # fmt: skip
    found = question_of([column(cells, "finding")], ["COVID-19"], ["No Finding"])
    assert {rule.name: rule.positive for rule in found.rules} == {
        "no-finding": ["No Finding"], "covid-19": ["COVID-19"],
    }  # fmt: skip
    with pytest.raises(UserError, match=r"--positive: found 'MERS'.*'COVID-19' \(9\), 'SARS' \(4\)"):
        question_of([column(cells, "finding")], ["MERS"], [])


def test_several_columns_are_labels_that_may_be_unknown():
    icu = column(["Y", "N", "?", "Would have been stated"] * 9, "went_icu")
    found = question_of([icu, column(["0", "1"] * 18, "Died")], [], [])
    assert found.task == "multilabel"
    assert [(rule.name, rule.positive, rule.negative) for rule in found.rules] == [
        ("went-icu", ["Y"], ["N"]), ("died", ["1"], ["0"]),
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"--label dx: its words are 'a'.*need a yes and a no"):
        question_of([icu, column(["a", "b", "c"] * 9, "dx")], [], [])


def test_names_are_plain_and_free():
    assert column_name("Größe (cm)", []) == "grosse_cm"
    assert column_name("年龄", []) == "年龄" and column_name("Возраст", []) == "возраст"
    assert column_name("2nd CRP", []) == "column_2nd_crp"
    assert column_name("text", ["text"]) == "column_text"
    assert label_name("No Finding", ["no-finding"]) == "no-finding-2"
    assert list(label_columns(["label", "Label"])) == ["column_label", "column_label_2"]
    assert grouped_views(["PA", "ap_supine", "L", "Axial"]) == {
        "Frontal": ["PA", "ap_supine"], "Lateral": ["L"], "Axial": ["Axial"],
    }  # fmt: skip


def test_rows_fit_inputs_and_size():
    all_inputs = rows_of(Inputs(True, ["notes", "history"], ["age"], 500)).models
    assert list(all_inputs)[:8] == [
        "majority", "tfidf", "tfidf_history", "linear-probe_image", "linear-probe_text", "linear-probe_both",
        "logistic", "boosting",
    ]  # fmt: skip
    assert {"image", "text", "structured", "early", "late"} < {*all_inputs} and not {"kv-exchange", "irene"} & {
        *all_inputs
    }
    more = rows_of(Inputs(True, ["notes"], ["age"], 500, ("kv-exchange", "irene"))).models
    assert {"kv-exchange", "irene"} < {*more}
    assert list(rows_of(Inputs(True, [], [], 500)).models) == ["majority", "linear-probe", "image"]
    assert "irene" not in rows_of(Inputs(False, ["notes"], ["age"], 500)).models
    small = rows_of(Inputs(True, [], ["age"], 60))
    classical = [f"{name}{of}" for name in ["linear", "boosted"] for of in ["_image", "_structured", ""]]
    assert list(small.models) == ["majority", "linear-probe", "logistic", "boosting", *classical]
    subsets = ["_image", "_text", "_structured", "_image-text", "_image-structured", "_text-structured", ""]
    assert {f"linear{of}" for of in subsets} | {f"boosted{of}" for of in subsets} < {*all_inputs}
    assert "too few to train networks" in small.notes[0]
    large = rows_of(Inputs(True, ["notes"], [], 50_000))
    assert large.settings == {"encoders": {"pooling": "mean"}}
    assert "early" in large.models
    assert "irene" not in large.models


@pytest.mark.parametrize(("groups", "folds"), [(5, 0), (6, 2), (11, 3), (14, 4), (15, 5), (400, 5)])
def test_folds_fit_the_rarest_class(groups, folds):
    assert folds_for(groups)[0] == folds


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("in_icu", "went_icu"),
        ("intubation_present", "Intubated"),
        ("ICU-days", "went_icu"),
        ("age", ""),
        ("in_ward", ""),
        ("extubated", ""),
    ],
)
def test_a_column_that_is_called_like_the_label_may_say_the_same(name, like):
    assert named_like(name, ["went_icu", "Intubated"]) == like


@pytest.mark.parametrize("name", ["age", "Patient Age", "sex", "Left eye"])
def test_words_that_many_headings_share_make_no_column_one_of_the_label(name):
    assert named_like(name, ["Age related Macular Degeneration", "left"]) == ""

"""Faults that people met with their tables: each ends in the right study, or in one clear message."""

import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from odd_tables import cases, draw, init, new_place

from lungfuse.errors import UserError
from lungfuse.init.guess import roles_of
from lungfuse.init.profile import profiles_of
from lungfuse.init.question import question_of
from lungfuse.init.roles import UserRoles
from lungfuse.vocabulary import label_name

HERE = Path("in")
NUMBER = np.arange(120)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(new_place(tmp_path / "project"))
    HERE.mkdir()


def made(table: pd.DataFrame, images=None, encoding="utf-8", name="cases.csv", **options):
    how = {key: options.pop(key) for key in ("sep", "index") if key in options}
    path = HERE / name
    path.write_bytes(table.to_csv(**({"index": False} | how)).encode(encoding))
    return init(path, images, **options)


def roles(table: pd.DataFrame, labels=("diagnosis",), **said):
    table = table.astype(str)
    share = lambda cells: sum(cell.endswith(".png") for cell in cells) / len(cells)  # noqa: E731
    return roles_of(profiles_of(table, share), UserRoles(labels=labels, **said), table=table)


def question(*words: str, name: str = "level", **said):
    profile = profiles_of(pd.DataFrame({name: np.resize(words, 120)}))[name]
    return question_of([profile], [], [], **said)


@pytest.mark.parametrize(
    "heading",
    ["Paciente", "NHC", "Patientennummer", "Fallnummer", "IPP", "Codice paziente", "Пациент", "患者", "病历号",
    "UHID", "rid",
     "PTID", "subj", "Номер пациента", "患者ID", "Patient No.", "USUBJID", "환자번호"],
)  # fmt: skip
def test_patients_are_known_in_many_languages(heading):
    assert roles(pd.DataFrame({heading: 1000 + NUMBER // 2, "diagnosis": NUMBER % 2})).patient == heading


def test_patients_without_a_heading_are_found_by_what_agrees_in_their_rows():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"zz": 4000 + NUMBER // 3 * 7, "sex": rng.choice(["F", "M"], 40)[NUMBER // 3]})
    found = roles(table.assign(handed=rng.choice(list("lrb"), 40)[NUMBER // 3], diagnosis=NUMBER % 2))
    assert found.patient == "zz" and "--patient none" in found.unsure[0]
    assert roles(table.assign(sex=rng.choice(["F", "M"], 120), diagnosis=NUMBER % 2)).patient is None


def test_codes_that_may_name_patients_are_asked_and_no_input():
    found = roles(pd.DataFrame({"zz": [f"A{each // 2:04}x" for each in NUMBER], "diagnosis": NUMBER % 2}))
    assert "zz" not in [each.column for each in found.columns.values()]
    assert "say --patient zz if so" in found.unsure[0]


@pytest.mark.parametrize("other", ["patient_type", "Patient Class", "Patient Age", "patient_status"])
def test_what_is_of_a_patient_names_none(other):
    table = pd.DataFrame({other: NUMBER % 3 + 40, "Patient ID": NUMBER // 2, "diagnosis": NUMBER % 2})
    assert roles(table).patient == "Patient ID"
    assert roles(table.drop(columns="Patient ID")).patient is None


def test_numbers_of_patients_in_several_ways_are_one_patient_unless_it_is_said():
    ways = ["{:03}", "{}", "{}.0"]
    table = cases().assign(patient=[ways[each % 3].format(each // 2) for each in range(60)])
    found = made(table)
    assert found.table.same_numbers and found.reports["patient"].nunique() == 30
    assert made(table, same_numbers=False, replace=True).reports["patient"].nunique() > 30


def test_patients_are_read_from_paths():
    table = cases().drop(columns="patient")
    table["file"] = [f"train/patient{each // 2:05}/study{each % 2}/view.png" for each in range(60)]
    draw(HERE / "img", table["file"])
    found = made(table, [HERE / "img"])
    assert found.table.patient_pattern == r"patient\d+" and found.reports["patient"].nunique() == 30
    assert made(table, [HERE / "img"], patient="none", replace=True).table.patient is None


@pytest.mark.parametrize(
    ("words", "task", "names"),
    [
        (list("01234"), "multiclass", ["0", "1", "2", "3", "4"]),
        (["0.0", "1.0", "2.0", "3.0"], "multiclass", ["0", "1", "2", "3"]),
        (["1", "-1"], "binary", ["no-level", "level"]),
        (["HER2+", "HER2-"], "binary", ["her2-minus", "her2-plus"]),
        (["<50%", ">=50%"], "binary", None),
        (["-", "+", "++", "+++"], "multiclass", {"minus", "plus", "plus-plus", "plus-plus-plus"}),
        (["正常", "肺炎"], "binary", ["正常", "肺炎"]),
        (["норма", "пневмония"], "binary", ["норма", "пневмония"]),
        (["A", "A|B", "B", "B|C", "C", "No Finding"], "multilabel", {"a", "b", "c"}),
        (["['a', 'b ']", "['b']", "['a', 'c']", "['c']"], "multilabel", {"a", "b", "c"}),
    ],
)
def test_labels_keep_their_meaning(words, task, names):
    found = question(*words)
    assert found.task == task
    called = [rule.name for rule in found.rules]
    assert names is None or (called == names if isinstance(names, list) else {*called} == names)
    given = {word for rule in found.rules for word in rule.positive}
    assert task == "multilabel" or given == {*words}, "the words of the table stay"


def test_several_words_in_a_cell_can_be_one_class():
    assert question("A", "A|B", "B", between="none").task == "multiclass"


def test_words_that_differ_in_signs_alone_have_names_that_differ():
    words = ["HER2+", "HER2-", "-1", "1", "<50%", ">=50%", "≤ 3", "> 3", "+", "-", "++", "+/-", "ER+/PR-", "(-)"]
    assert len({label_name(word, []) for word in words}) == len(words) - 1, "(-) is -"


@pytest.mark.parametrize("step", [1, 3], ids=["whole", "of a filtered frame"])
def test_an_index_without_a_heading_is_left_out_and_can_be_used(step):
    table = cases().assign(diagnosis=sorted(cases()["diagnosis"]))
    table.index *= step
    found = made(table, index=True)
    assert "column1" not in {each.column for each in found.table.columns.values()}
    assert "column1" in {
        each.column for each in made(table, index=True, use=["column1"], replace=True).table.columns.values()
    }


def test_ages_of_dicom_and_numbers_with_a_unit_are_numbers():
    table = cases().assign(age=[f"{20 + each:03}Y" for each in range(60)], dose=[f"{each} mg" for each in range(60)])
    found = made(table)
    assert found.values["age"].tolist()[:2] == ["20", "21"] and found.values["dose"].tolist()[:2] == ["0", "1"]
    assert (found.table.columns["dose"].unit, found.table.columns["age"].unit) == ("mg", "years")


def test_thousands_are_read(capsys):
    table = cases().assign(count=[f"{each:,}" for each in np.linspace(100, 5000, 60).astype(int)])
    found = made(table, sep="\t")
    assert found.table.thousands == "," and found.values["count"].tolist()[-1] == "5000"


def test_a_table_of_excel_in_german_keeps_how_it_is_written(capsys):
    number = np.arange(60)
    table = cases().assign(dimer=[f"{each:,}".replace(",", ".") for each in 400 + 37 * number])
    table["spo2"] = [f"{each + 40},5 %" for each in number]
    text = "Export;;;;;;;\n" + table.to_csv(index=False, sep=";")
    (HERE / "cases.csv").write_bytes(text.encode())
    found = init(HERE / "cases.csv", label=["diagnosis"])
    assert (found.table.decimal, found.table.thousands) == (",", ".")
    assert found.values["dimer"].tolist()[-1] == "2583" and found.values["spo2"].tolist()[0] == "40.5"
    assert found.table.columns["spo2"].unit == "%"
    assert "left out is what stands above, 'Export'" in capsys.readouterr().out


def test_a_spike_far_outside_is_reported_and_can_be_named_missing(capsys):
    table = cases()
    table.loc[:5, "age"] = "999"
    assert made(table).values["age"].tolist()[0] == "999"
    assert "age is 999 in 6 cases, far from" in capsys.readouterr().out
    assert made(table, missing=["age=999"], replace=True).values["age"].tolist()[0] == ""


def test_templates_do_not_join_patients_unless_it_is_said(capsys):
    table = cases().assign(note=np.where(np.arange(60) % 4, "No acute process in this chest.", cases()["note"]))
    assert "text" not in made(table, text=["note"]).study.filter.group_by
    assert "say --same-texts together" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"too few cases of healthy 1, pneumonia 1.*stay together"):
        made(table, text=["note"], same_texts="together", replace=True)


def test_a_plane_is_no_view_of_an_xray_and_a_modality_leaves_out_no_row_unseen(capsys):
    draw(HERE / "img", cases()["file"])
    table = cases().assign(plane=["axial", "coronal", "sagittal"] * 20, modality=["CT", "MR", "MR"] * 20)
    found = made(table, [HERE / "img"])
    assert found.table.view is None and not found.table.rows and len(found.reports) == 60
    assert len(made(table, [HERE / "img"], rows=["modality=CT"], replace=True).reports) == 20
    assert "60 in the table, of which 40 are left out: 40 have another word in modality" in capsys.readouterr().out


def test_what_is_left_out_is_counted_by_its_reason(capsys):
    table = cases()
    table.loc[:9, "diagnosis"] = ""
    draw(HERE / "img", table["file"][:-4])
    made(table, [HERE / "img"], label=["diagnosis"])
    said = capsys.readouterr().out
    assert (
        "60 in the table, of which 14 are left out: 10 have no label that is known (empty 10); 4 name an image" in said
    )


def test_images_called_like_rows_are_no_repeated_cases():
    table = cases()
    table["file"] = [f"row{each + 3}.png" if each % 4 else "" for each in range(60)]
    draw(HERE / "img", [name for name in table["file"] if name])
    assert len(made(table, [HERE / "img"]).reports) == 60


@pytest.mark.parametrize(("form", "between"), [("a{0}.png;b{0}.png", ";"), ("['a{0}.png', 'b{0}.png']", ",")])
def test_several_images_in_a_cell_are_of_one_case(form, between, capsys):
    table = cases().assign(file=[form.format(each) if each % 5 else f"a{each}.png" for each in range(60)])
    draw(HERE / "img", [f"{letter}{each}.png" for letter in "ab" for each in range(60)])
    found = made(table, [HERE / "img"])
    assert (found.table.image, found.table.image_between, found.study.places) == ("file", between, ["1", "2"])
    assert found.views["report_id"].value_counts().value_counts().to_dict() == {2: 48, 1: 12}
    assert "cells of file name up to 2 images" in capsys.readouterr().out
    models = found.study.models
    assert models["linear-probe_image-2"].images == "raw@2" and models["linear"].images == "raw@1+2"


def test_several_columns_of_images_are_of_one_case_but_no_outlines(capsys):
    table = cases().rename(columns={"file": "Right eye"})
    table["Left eye"] = table["Right eye"].str.replace("x", "l").where(NUMBER[:60] % 3 > 0, "")
    table["Mask"] = table["Right eye"].str.replace("x", "m")
    names = pd.concat([table[name] for name in ("Right eye", "Left eye", "Mask")])
    draw(HERE / "img", names[names != ""])
    found = made(table, [HERE / "img"])
    assert found.table.image == {"right": "Right eye", "left": "Left eye"} and found.study.places == ["right", "left"]
    assert {*found.study.models} >= {"linear-probe_image-right", "linear-probe_image-left", "linear-probe_image"}
    said = capsys.readouterr().out
    assert "image of each of Right eye, Left eye: say --image-column 'Right eye' to read one" in said
    assert "60 images of Mask are not read" in said
    one = made(table, [HERE / "img"], image_column=["Left eye"], replace=True)
    assert one.table.image == "Left eye" and one.study.view == "any"


def test_letters_in_parts_and_zip_files_without_their_mark_are_found():
    table = cases().assign(file=[f"Röntgen_{each:03}.png" for each in range(60)])
    draw(HERE / "img", [name.replace("ö", "o\u0308") for name in table["file"]])
    with zipfile.ZipFile(HERE / "bilder.zip", "w") as archive:
        for file in (HERE / "img").iterdir():
            archive.writestr(file.name.replace("o\u0308", "??"), file.read_bytes())
    unmarked = (HERE / "bilder.zip").read_bytes().replace(b"R??ntgen", "Röntgen".encode())
    (HERE / "bilder.zip").write_bytes(unmarked)
    assert len(made(table, [HERE / "img"]).found) == 60
    assert len(made(table, [HERE / "bilder.zip"], replace=True).found) == 60


@pytest.mark.parametrize("number", ["1e39", "1e308"])
def test_a_number_that_networks_cannot_hold_is_named(number):
    with pytest.raises(UserError, match=rf"column age, report row4: found '{number}', expected a number"):
        made(cases().assign(age=[number if each == 3 else "5" + str(each) for each in range(60)]))


def test_words_that_read_alike_are_classes_of_their_own_and_said():
    found = question("a b", "a-b", "A_B", name="diagnosis")
    assert [(rule.name, rule.positive) for rule in found.rules] == [
        ("a-b", ["a b"]), ("a-b-2", ["a-b"]), ("a-b-3", ["A_B"]),
    ]  # fmt: skip
    assert found.unsure == ["'a-b', 'A_B' read like other words: write them the same if they are one class"]


def test_a_label_that_is_too_rare_is_refused_with_its_counts():
    table = cases().assign(diagnosis=["x" if each < 3 else "y" for each in range(60)])
    with pytest.raises(UserError, match=r"too few cases of x 2 .*have what they need are y 57, x 3"):
        made(table, label=["diagnosis"])


def test_a_frontal_view_is_read_by_its_word_and_what_is_uncertain_is_left_out_and_said(capsys):
    """As in CheXpert."""
    table = cases(80).drop(columns=["patient", "note", "diagnosis"])
    table["file"] = [f"CheXpert/train/patient{each // 4:05}/study1/view{each % 4}.jpg" for each in range(80)]
    table["Frontal/Lateral"] = np.where(np.arange(80) % 4, "Frontal", "Lateral")
    table["AP/PA"] = np.where(np.arange(80) % 4, ["AP", "PA"] * 40, "")
    table["Edema"] = np.resize(["1.0", "0.0", "0.0", "1.0", "-1.0", "1.0", "0.0"], 80)
    draw(HERE / "CheXpert", [name.removeprefix("CheXpert/") for name in table["file"]])
    found = made(table, [HERE / "CheXpert"], label=["Edema"])
    assert (found.table.view, found.study.view) == ("Frontal/Lateral", "Frontal")
    assert found.classes == {"no-edema": ["0.0"], "edema": ["1.0"]} and found.reports["patient"].nunique() == 20
    said = capsys.readouterr().out
    assert "'-1.0' say neither yes nor no: these 11 rows are left out" in said
    assert "show no image of the view Frontal (Lateral " in said


def test_the_faults_as_they_were_reported(tmp_path):
    """The collected tables themselves, where they are at hand."""
    archive = Path(os.environ.get("LUNGFUSE_REAL_DATA", "/nowhere")).parent / "cases" / "cases.zip"
    if not archive.is_file():
        pytest.skip(
            "LUNGFUSE_REAL_DATA is not set, or has no ../cases/cases.zip: the reported tables are not in the project"
        )
    with zipfile.ZipFile(archive) as files:
        files.extractall(tmp_path / "reported")
    reported = tmp_path / "reported" / "cases"
    found = init(reported / "28-paciente/cases.csv", label=["Diagnostico"])
    assert found.reports["patient"].nunique() == 80 and found.inputs == ["edad"]
    found = init(
        reported / "18d-dr-grades/cases.csv", [reported / "18d-dr-grades/images"], label=["level"], replace=True
    )
    assert [*found.classes] == ["0", "1", "2", "3", "4"]
    found = init(reported / "35-dicom-header-dump/headers.csv", replace=True)
    assert found.inputs == ["patientage", "patientsex"] and found.table.date == "Study Date"
    with pytest.raises(UserError, match=re.escape("line 11: byte 0xe9 is not utf-8")):
        init(reported / "36-one-bad-byte/cases.csv", replace=True)

"""Tables as people have them, each of which ends in a study that can be read, or in one clear message."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from odd_tables import cases, draw, init, new_place

from lungfuse.errors import UserError
from lungfuse.settings.table import TableText

HERE = Path("in")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A project, and in it a folder `in` with the images of `cases`."""
    monkeypatch.chdir(new_place(tmp_path / "project"))
    draw(HERE / "images", cases()["file"])
    return tmp_path


def write(table: pd.DataFrame, name: str = "cases.csv", encoding: str = "utf-8", **how) -> Path:
    path = HERE / name
    path.write_bytes(table.to_csv(index=False, **how).encode(encoding))
    return path


def made(table: pd.DataFrame, how: dict | None = None, **options):
    return init(write(table, **(how or {})), [HERE / "images"], **options)


def refused(table: pd.DataFrame | Path, said: str, **options) -> None:
    before = Path("params.yaml").read_bytes()
    path = write(table) if isinstance(table, pd.DataFrame) else table
    with pytest.raises(UserError, match=re.compile(said, re.S)):
        init(path, options.pop("images", [HERE / "images"]), **options)
    assert Path("params.yaml").read_bytes() == before, "nothing is written"
    assert not Path("data").exists()


def test_a_plain_table_becomes_a_study_of_its_images_texts_and_columns():
    found = made(cases())
    assert found.classes == {"healthy": ["healthy"], "pneumonia": ["pneumonia"]}
    assert (found.table.patient, found.table.image) == ("patient", "file")
    assert found.table.texts == {"note": TableText(column="note")}
    assert found.inputs == ["age", "sex"]
    assert found.study.modalities == ["image", "text", "structured"]
    assert len(found.reports) == len(found.found) == 60
    assert found.values["age"].tolist() == cases()["age"].tolist()


@pytest.mark.parametrize(
    "how",
    [
        {"sep": ";"},
        {"sep": "\t", "name": "cases.tsv"},
        {"sep": "|"},
        {"encoding": "utf-8-sig"},
        {"encoding": "utf-16"},
        {"lineterminator": "\r\n"},
        {"quoting": 1},
    ],
    ids=str,
)
def test_separators_marks_and_line_ends_are_seen(how):
    found = made(cases(), how)
    assert found.reports["note"].tolist() == cases()["note"].tolist()
    assert len(found.found) == 60


def test_decimal_commas_of_excel_become_numbers():
    table = cases()
    table["crp"] = [f"{each / 4:.2f}".replace(".", ",") for each in range(60)]
    found = made(table, {"sep": ";"})
    assert found.table.columns["crp"].kind == "number"
    assert found.values["crp"].tolist()[:3] == ["0.00", "0.25", "0.50"]


def test_a_table_of_windows_keeps_its_letters_and_columns_of_other_letters_get_plain_names():
    table = cases().rename(columns={"age": "Größe (cm)", "note": "Übersicht"})
    found = made(table, {"encoding": "cp1252", "sep": ";"})
    assert found.table.encoding == "cp1252"
    assert "guessed from the letters; if some look wrong, write another" in found.comments
    assert found.table.columns["grosse_cm"].column == "Größe (cm)"
    assert found.table.columns["grosse_cm"].unit == "cm"
    assert found.table.texts == {"ubersicht": TableText(column="Übersicht")}


def test_a_guessed_encoding_is_said_in_the_summary_and_where_no_study_can_be_made(capsys):
    table = cases().replace({"M": "männlich", "F": "weiblich", "pneumonia": "Lungenentzündung"})
    made(table, {"encoding": "cp850"}, label=["diagnosis"])
    assert "unsure       the encoding cp850 is guessed" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"--label: which column.*Unsure: the encoding cp850 is guessed.*--encoding\."):
        made(table.rename(columns={"diagnosis": "group"}), {"encoding": "cp850"}, replace=True)


def test_columns_in_another_script_are_read():
    table = cases().rename(columns={"age": "возраст", "diagnosis": "диагноз", "sex": "年龄"})
    found = made(table, label=["диагноз"])
    assert {*found.table.columns} == {"возраст", "диагноз", "年龄"}


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%B %d, %Y", "%d-%b-%Y", "%Y-%m-%d %H:%M:%S", "%Y%m%d"]
)
def test_dates_of_any_form_are_dates_and_no_input(form):
    table = cases()
    table["study_date"] = pd.date_range("2020-01-06", periods=60, freq="9D").strftime(form)
    found = made(table)
    assert found.table.date == "study_date"
    assert found.inputs == ["age", "sex"]


def test_empty_and_constant_columns_are_left_out_with_the_reason():
    found = made(cases().assign(smoker="", country="Spain"))
    assert found.inputs == ["age", "sex"]
    assert re.search(r"smoker \(is empty\).*country \(says the same in every row: Spain\)", found.text, re.S)


def test_words_that_stand_for_nothing_are_missing():
    table = cases()
    table.loc[::5, "age"] = "?"
    table.loc[::7, "sex"] = "unknown"
    table["crp"] = np.where(np.arange(60) % 6 == 0, "n/a", np.arange(60).astype(str))
    found = made(table)
    assert {*found.table.missing} == {"?", "unknown", "n/a"}
    assert (found.values["age"] == "").sum() == 12
    assert found.table.columns["age"].kind == "number"


def test_other_words_that_stand_for_nothing_can_be_said():
    table = cases()
    table.loc[::5, "age"] = "forgotten"
    assert "age" in made(table, missing=["Forgotten"]).inputs


def test_one_word_for_all_is_no_label():
    refused(cases().assign(diagnosis="healthy"), "--label diagnosis: is 'healthy' everywhere.*two classes")


def test_a_word_or_nothing_is_no_label():
    table = cases()
    table["diagnosis"] = table["diagnosis"].where(table["diagnosis"] == "pneumonia", "")
    refused(table, r"--label diagnosis: is 'pneumonia' in 30 of 60 rows.*write the other class", label=["diagnosis"])


def test_an_empty_label_is_reported():
    refused(cases().assign(diagnosis="?"), "--label diagnosis: is empty in every row", label=["diagnosis"])


def test_columns_of_one_name_are_refused():
    table = cases()
    table.insert(2, "sex", "M", allow_duplicates=True)
    refused(table, "cases.csv: found the column sex more than once")


def test_some_images_that_are_missing_are_left_out_and_said():
    for name in cases()["file"][:6]:
        (HERE / "images" / name).unlink()
    found = made(cases())
    assert len(found.found) == 54
    assert found.study.rejected_share == 0.15
    assert "6 of 60 rows name an image that is not there" in found.comments


def test_most_images_missing_is_an_error():
    for name in cases()["file"][:33]:
        (HERE / "images" / name).unlink()
    refused(cases(), "--images: 33 of 60 rows name an image that is not there")


def test_a_message_names_the_raw_folder_and_a_group_stands_for_a_patient():
    """And not the temporary folder in which the files are looked at."""
    (HERE / "empty").mkdir()
    refused(cases(), r"^data/raw/odd/empty: no image found; expected files that end in", images=[HERE / "empty"])
    assert "No column names the patient" in made(cases(), patient="none").comments
    table = cases().rename(columns={"patient": "doi"})
    found = made(table, group_by=["doi"], patient="none", replace=True)
    assert found.table.group_by == ["doi"] and "No column names the patient" not in found.comments


def test_images_that_no_column_names_are_reported():
    refused(cases().drop(columns="file"), "no column of cases.csv names these images, which are called x000.png")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/home/me/study/images/", ""),
        ("C:\\Users\\me\\images\\", ""),
        ("images/", ""),
        ("./", ""),
        ("", "gone"),
        ("IMAGES/", "upper"),
    ],
)
def test_images_are_found_by_paths_of_any_kind(before, after):
    table = cases()
    table["file"] = before + table["file"]
    if after == "gone":
        table["file"] = table["file"].str.removesuffix(".png")
    if after == "upper":
        table["file"] = table["file"].str.upper()
    assert len(made(table).found) == 60


def test_suffixes_may_be_mixed_and_files_may_have_none():
    table = cases()
    suffixes = [".png", ".PNG", ".jpg", ""]
    for number, name in enumerate(table["file"]):
        (HERE / "images" / name).rename(HERE / "images" / f"{name[:-4]}{suffixes[number % 4]}")
    table["file"] = [f"{name[:-4]}{suffixes[number % 4]}" for number, name in enumerate(table["file"])]
    assert len(made(table).found) == 60


def test_images_may_be_in_a_zip_file():
    with zipfile.ZipFile(HERE / "all.zip", "w") as archive:
        for name in cases()["file"]:
            archive.write(HERE / "images" / name, f"deep/{name}")
    found = init(write(cases()), [HERE / "all.zip"])
    assert found.table.images == ["all.zip"]
    assert len(found.found) == 60


def test_the_same_names_in_several_folders_are_distinguished_by_the_folder():
    table = cases()
    table["file"] = [f"p{number // 2:03}/{number % 2}.png" for number in range(60)]
    draw(HERE / "by_patient", table["file"])
    found = init(write(table), [HERE / "by_patient"])
    assert len(found.found) == 60
    assert found.views["image_id"].is_unique


def test_quotes_and_line_ends_in_texts_are_kept():
    table = cases()
    table["note"] = 'He said "nothing";\nthen, ' + table["note"]
    found = made(table)
    assert found.reports["note"].iloc[0].startswith('He said "nothing"; then, Seen on')


def test_names_that_are_taken_are_changed():
    table = cases().rename(columns={"age": "group", "sex": "label", "note": "text"}).assign(part=cases()["age"])
    found = made(table, label=["diagnosis"])
    assert {name: column.column for name, column in found.table.columns.items()} == {
        "column_group": "group", "column_label": "label", "column_part": "part", "diagnosis": "diagnosis",
    }  # fmt: skip
    assert found.table.texts == {"column_text": TableText(column="text")}


@pytest.mark.parametrize("cells", [["<5", "12", "7"], ["5-10", "12", "1"]])
def test_numbers_with_marks_and_units_are_left_out_with_the_reason(cells):
    table = cases()
    table["crp"] = [f"{cells[number % 3]}" if number % 3 == 0 else str(number) + cells[1][2:] for number in range(60)]
    found = made(table)
    assert found.inputs == ["age", "sex"]
    assert re.search(r"crp \(holds .* among numbers; make them\s+#? ?numbers to use it\)", found.text, re.S)


def test_very_many_classes_are_refused_with_what_can_be_done():
    table = cases().assign(diagnosis=[f"ill {each}" for each in range(60)])
    refused(table, "--label diagnosis: has 60 different words.*at most 30.*--positive", label=["diagnosis"])


def test_parquet_is_a_table():
    table = cases().assign(age=cases()["age"].astype(float), seen=pd.Timestamp("2020-01-06"))
    table.loc[3, "age"] = None
    table.to_parquet(HERE / "cases.parquet", index=False)
    found = init(HERE / "cases.parquet", [HERE / "images"])
    assert found.values["age"].tolist()[3] == ""
    assert found.table.columns["age"].kind == "number"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cases.csv: is empty"),
        (b"patient,file,diagnosis\n", "has a header and no rows"),
        (b"patient,file\np1,a.png\np2,b.png,c\n", "line 3: found 3 fields"),
        (b"PK\x03\x04", "Excel workbook.*Save As, CSV"),
        (b"p1,x000.png,healthy\np2,x001.png,ill\n", "line 1: found 'x000.png', which reads like a row"),
        (b'patient,diagnosis\np1,"ill\n', "line 2: .*quotes"),
    ],
)
def test_what_is_no_table_is_refused(content, said):
    (HERE / "cases.csv").write_bytes(content)
    refused(HERE / "cases.csv", said)


def test_two_rows_are_too_few():
    table = cases().iloc[[0, 1]].assign(diagnosis=["healthy", "pneumonia"])
    refused(table, "too few cases of .*expected 6 or more", label=["diagnosis"])


def test_one_patient_is_too_few():
    refused(cases().assign(patient="p1"), "too few cases of healthy 1, pneumonia 1.*stay together")


def test_ids_keep_their_zeros_and_are_no_input():
    table = cases().assign(patient=[f"{number // 2:05}" for number in range(60)])
    found = made(table.rename(columns={"patient": "case_number"}), patient="case_number")
    assert found.reports["patient"].iloc[2] == "00001"
    assert "case_number" not in found.inputs


def test_the_label_may_be_named_in_another_case():
    assert made(cases(), label=["DIAGNOSIS"]).study.filter.labels[0].column == "diagnosis"


def test_a_label_that_is_not_there_is_reported_with_what_is_like_it():
    refused(
        cases(),
        "--label: found 'diagnose', but .* no such column .did you mean diagnosis.*patient, file",
        label=["diagnose"],
    )


@pytest.mark.parametrize(
    ("words", "classes"),
    [
        (["yes", "no"], {"no-ill": ["no"], "ill": ["yes"]}),
        (["1.0", "0.0"], {"no-ill": ["0.0"], "ill": ["1.0"]}),
        (["TRUE", "FALSE"], {"no-ill": ["FALSE"], "ill": ["TRUE"]}),
        (["+", "-"], {"no-ill": ["-"], "ill": ["+"]}),
        (["malignant", "benign"], {"benign": ["benign"], "malignant": ["malignant"]}),
        (["No Finding", "Edema"], {"no-finding": ["No Finding"], "edema": ["Edema"]}),
    ],
)
def test_which_of_two_words_is_positive_is_guessed(words, classes):
    table = cases()
    table["ill"] = np.where(table["diagnosis"] == "healthy", words[1], words[0])
    table = table.drop(columns="diagnosis")
    found = made(table, label=["ill"])
    assert found.classes == {name: sorted(held, key=str) for name, held in classes.items()}
    assert list(found.classes)[1] == list(classes)[1]


def test_rows_without_a_label_are_left_out():
    table = cases().assign(ill=np.where(cases()["diagnosis"] == "healthy", "no", "yes")).drop(columns="diagnosis")
    table.loc[:9, "ill"] = ""
    table.loc[10:13, "ill"] = "not visible"
    found = made(table, label=["ill"])
    assert (found.values["ill"] == "").sum() == 14


def test_spaces_and_case_of_words_do_not_make_classes():
    table = cases()
    table["diagnosis"] = [
        word if number % 4 else f"  {word.upper()} " for number, word in enumerate(table["diagnosis"])
    ]
    assert {name: len(words) for name, words in made(table).classes.items()} == {"healthy": 2, "pneumonia": 2}


def test_a_table_without_images_is_a_study_of_texts_and_columns():
    found = init(write(cases()), None)
    assert "file (names images: say with --images where they are)" in found.comments
    assert found.study.modalities == ["text", "structured"]
    assert found.views.empty


def test_images_are_found_without_being_named_where_paths_lead_to_them():
    table = cases().assign(file="images/" + cases()["file"])
    found = init(write(table), None)
    assert len(found.found) == 60


def test_without_a_terminal_nothing_is_asked():
    table = cases().rename(columns={"diagnosis": "group"}).assign(relapse=["yes", "no"] * 30)
    refused(table, r"--label: which column.*relapse \(yes 30, no 30\), group \(.*, sex \(")


def test_colours_are_kept():
    draw(HERE / "images", cases()["file"], colour=True)
    assert made(cases()).study.images.colour

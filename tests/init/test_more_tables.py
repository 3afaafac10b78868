"""Situations of the kinds that others have met: each ends in the right cells, labels or images, or is named clearly."""

import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from lungfuse.cell_forms import number_of
from lungfuse.check.sentinels import sentinels
from lungfuse.errors import UserError
from lungfuse.image_lookup import ImageFiles
from lungfuse.init.asked import asked
from lungfuse.init.guess import roles_of
from lungfuse.init.missing import missing_of
from lungfuse.init.profile import check_header, profiles_of
from lungfuse.init.roles import UserRoles
from lungfuse.init.spoiled import doubts_of_rows, doubts_of_units
from lungfuse.sheets import read_sheet, sniff, sniffed
from lungfuse.vocabulary import is_frontal, is_lateral

N = np.arange(60)
TABLES = {  # what a file holds, and the cells of its last column
    "spaces between thousands": ("a;n\nx;1 234,5\ny;17\nz;2 000,25\n", ["1234.5", "17", "2000.25"]),
    "apostrophes of Switzerland": ("a;n\nx;1'234.5\ny;17\nz;950\nw;12'000\n", ["1234.5", "17", "950", "12000"]),
    "the minus of a typesetter": ("a,n\nx,\u22125\ny,\u22120.5\n", ["-5", "-0.5"]),
    "digits of a Japanese keyboard": ("a,n\nx,\uff11\uff12\ny,\uff13.\uff15\n", ["12", "3.5"]),
    "digits of Arabic": ("a,n\nx,\u0664\u0665\ny,\u0661\u0662\u066b\u0665\n", ["45", "12.5"]),
    "line ends of an old Mac": ("a,n\rx,5\ry,6\r", ["5", "6"]),
    "a heading of two lines": ('a,"CRP\n(mg/l)"\nx,5\n', ["5"]),
    "a mark, a first line of Excel and empty columns": ("\ufeffsep=;\r\na;n;;\r\nx;5;;\r\n;;;\r\n", ["5"]),
    "a comma in a quoted text beside points": ('a,n\n"x, and y",3.5\n"1,5",4.25\n', ["3.5", "4.25"]),
    "hard spaces and others that nobody sees": ("a,n\nx,ill\u00a0\ny,\u200bIll\u200b\n", ["ill", "Ill"]),
    "two points in what is no number": ("a,n\nx,1.2.840\ny,1.2.841\n", ["1.2.840", "1.2.841"]),
    "points between thousands beside commas": ("a;n\n3,5;2.601\n0,5;864\n1;1.433\n", ["2601", "864", "1433"]),
    "points of decimals beside commas": ("a;n\n3,5;1.433\n0,5;0.864\n", ["1.433", "0.864"]),
    "points between thousands beside whole numbers": ("a;n\nx;2.601\ny;864\nz;1.433\n", ["2601", "864", "1433"]),
    "three decimals, some with a zero before": ("a,n\nx,1.433\ny,0.864\nz,12\n", ["1.433", "0.864", "12"]),
    "three decimals beside two": ("a,n\nx,1.433\ny,2.25\nz,12\n", ["1.433", "2.25", "12"]),
    "three decimals beside two in another column": ("a,n\n0.5,1.433\n,2.255\n,12\n", ["1.433", "2.255", "12"]),
    "three decimals everywhere": ("a,n\nx,1.433\ny,2.255\n", ["1.433", "2.255"]),
    "points between millions": ("a,n\n0.5,1.234.567\n,2.255\n,12\n", ["1234567", "2255", "12"]),
    "spaces between thousands beside commas": ("a;n\n3,5;2 601\n0,5;864\n1;12\u202f000\n", ["2601", "864", "12000"]),
    "only thousands with spaces beside commas": (
        "a;n\n3,5;149 000\n0,5;212 000\n;98 000\n",
        ["149000", "212000", "98000"],
    ),
    "spaces and commas in one column": ("a;n\nx;1 234,5\ny;0,5\nz;17\n", ["1234.5", "0.5", "17"]),
    "codes in two parts": ("a;n\n3,5;149 123\n0,5;212 456\n", ["149 123", "212 456"]),
    "per cent with commas": ("a;n\nx;12,5 %\ny;9,0 %\n", ["12.5 %", "9.0 %"]),
    "a dose with commas": ("a;n\nx;<12,5 mg\ny;1.200,5mg\n", ["<12.5 mg", "1200.5mg"]),
    "commas in quotes": ('a,n\nx,"9,0"\ny,"10,5"\nz,12\n', ["9.0", "10.5", "12"]),
    "commas in quotes with a unit": ('a,n\nx,"9,0 %"\ny,"10,5 %"\n', ["9.0 %", "10.5 %"]),
    "two labels in quotes": ('a,n\nx,"1,3"\ny,"2,3"\nz,2\n', ["1,3", "2,3", "2"]),
    "commas in quotes beside points": ('a,n\n0.5,"9,0"\n1,"10,5"\n', ["9,0", "10,5"]),
}


@pytest.mark.parametrize(("text", "cells"), TABLES.values(), ids=TABLES)
def test_cells_are_read_as_they_are_meant(tmp_path, text, cells):
    path = tmp_path / "cases.csv"
    path.write_bytes(text.encode())
    assert read_sheet(path, *sniff(path)).iloc[:, -1].tolist() == cells


UNSURE = {  # a column whose numbers may be meant in two ways, what is read, and what is said
    "points beside whole numbers": (
        "n\n2.601\n864\n",
        "2601",
        "n: 2.601 was read as 2601; say --decimal \\. if .* --thousands \\. if not",
    ),
    "points in all": (
        "n\n2.601\n1.433\n",
        "2.601",
        "n: 2.601 .* decimals; say --thousands \\. if .* --decimal \\. if not",
    ),
    "points before commas": ("n;m;k\n2.601;0.5;3,5\n1.433;1;2\n", "2.601", "n: 2.601 .* decimals; say --thousands .*"),
    "commas in quotes": (
        'n,m\n"9,0",x\n"10,5",y\n',
        "9.0",
        "n: 9,0 was read as 9.0; say --decimal \\. if .* list .* --decimal , if not",
    ),
    "commas in all": ("n;m\n2,601;x\n1,433;y\n", "2601", "n: 2,601 was read as 2601; .* say --decimal ,"),
}


@pytest.mark.parametrize(("text", "cell", "said"), UNSURE.values(), ids=UNSURE)
def test_what_a_mark_in_numbers_means_is_unsure_until_it_is_said(tmp_path, text, cell, said):
    path = tmp_path / "cases.csv"
    path.write_text(text)
    form, (unsure,) = sniffed(path)
    assert read_sheet(path, *form)["n"][0] == cell and re.fullmatch(said, unsure)
    assert not sniffed(path, thousands=form.thousands, decimal=form.decimal).unsure


@pytest.mark.parametrize("text", ["n\n1.433\n0.864\n", "n\n1.433\n12.5\n", "n\n2.601\n1234\n", "n\n1.234.567\n12\n"])
def test_what_a_point_means_is_sure_where_it_is_seen(tmp_path, text):
    (tmp_path / "cases.csv").write_text(text)
    assert not sniffed(tmp_path / "cases.csv").unsure


def test_one_mark_that_is_said_goes_before_the_other_that_is_guessed(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("n;m\n2.601;x\n1.433;y\n")
    assert read_sheet(path, *sniff(path, thousands="."))["n"].tolist() == ["2601", "1433"]
    assert read_sheet(path, *sniff(path, decimal="."))["n"].tolist() == ["2.601", "1.433"]
    with pytest.raises(UserError, match=r"--thousands \.: is the mark of decimals, too. Say --decimal , with it"):
        sniff(path, thousands=".", decimal=".")


ABOVE = {  # what stands above a header, and the line of the header; or nothing does
    "a comment": ("# exported 2024-01-01\na,n\nx,5\ny,6\n", 2),
    "a comment with commas": ("# exported 2024, by A, B and C\na,n\nx,5\ny,6\n", 2),
    "a title of Excel": ("Export Radiologie;;\na;b;n\nx;;5\ny;;6\n", 2),
    "a title and a day": ("Klinik;\n\nTag: 1.2.2024\na;b;n\nx;1,5;5\ny;;6\n", 4),
    "a title with the other separator": ("Klinik, Haus 2\na;b;n\nx;1,5;5\ny;;6\n", 2),
    "a header without one name": ("a,b,\nx,5,1\ny,6,2\n", 1),
    "a header without most names": ("a,,,\nx,5,1,2\ny,6,2,3\n", 1),
    "a header with a sign": ("#,n\n1,5\n2,6\n", 1),
    "one column": ("note\nx\ny and z\n", 1),
    "two columns with commas": ("a;n\nx;1,5\ny;6,5\n", 1),
}


@pytest.mark.parametrize(("text", "line"), ABOVE.values(), ids=ABOVE)
def test_lines_above_a_header_are_left_out_and_said(tmp_path, text, line):
    path = tmp_path / "cases.csv"
    path.write_text(text)
    form, unsure = sniffed(path)
    names = re.split("[,;]", text.splitlines()[line - 1])
    assert read_sheet(path, *form).columns.tolist() == [name or f"column{n}" for n, name in enumerate(names, 1)]
    assert len(read_sheet(path, *form)) == 2
    said = [re.match(r"the header was found in line (\d+); left out is what stands above", each)[1] for each in unsure]
    assert said == ([str(line)] if line > 1 else [])


def test_utf_16_of_a_script_without_its_mark_is_read(tmp_path):
    path = tmp_path / "cases.txt"
    path.write_bytes("Größe\tn\nx\t5\n".encode("utf-16-le"))
    assert read_sheet(path, *sniff(path)).to_dict("list") == {"Größe": ["x"], "n": ["5"]}


OTHERS = {  # the first bytes of files that programs call tables, and what is said
    "a page called .xls": (b"<html><table><tr><td>a", "a web page.*Save As, CSV UTF-8"),
    "a page in XML": (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook>', "a web page or XML.*Save As, CSV UTF-8"),
    "records": (b'[{"a": 1}]', "JSON.*as CSV"),
    "SPSS": (b"$FL2@(#) IBM SPSS", "of SPSS.*as CSV"),
    "Stata": (b"<stata_dta><header>", "of Stata.*as CSV"),
}


@pytest.mark.parametrize(("content", "said"), OTHERS.values(), ids=OTHERS)
def test_tables_of_other_programs_are_named_with_what_to_do(tmp_path, content, said):
    (tmp_path / "cases.xls").write_bytes(content)
    with pytest.raises(UserError, match=f"cases.xls: is .*{said}"):
        sniff(tmp_path / "cases.xls")


COLUMNS = {  # cells of a column, its heading, and the kind and form it is of
    "per cent": ("O2", [f"{each}%" for each in N], ("number", "unit")),
    "years in words": ("Alter", [f"{each + 20} Jahre" for each in N], ("number", "unit")),
    "years and months": ("age", [f"{each} {['years', 'months'][each % 2]}" for each in N], ("near-number", "plain")),
    "powers of ten": ("ctDNA", [f"{each}.5E+03" for each in N], ("number", "plain")),
    "blood pressure": ("BP", [f"{each + 100}/{each + 50}" for each in N], ("near-number", "plain")),
    "ninety or more": ("age", ["90+" if each % 9 == 0 else str(each + 20) for each in N], ("number", "at-least")),
    "a plus that is no limit": ("x", ["30+" if each % 9 == 0 else str(each) for each in N], ("near-number", "plain")),
    "below a limit": ("PSA", ["<0.1" if each % 3 else str(each) for each in N], ("near-number", "plain")),
    "days of Excel": ("Date of study", [str(43_000 + each) for each in N], ("date", "plain")),
    "a number of a visit": ("visit_no", [str(each % 3 + 1) for each in N], ("id", "plain")),
    "UIDs of DICOM": ("StudyInstanceUID", [f"1.2.840.{each}.7" for each in N], ("id", "plain")),
    "a text of one word": ("history", ["cough", "fever", "fall"] * 20, ("category", "plain")),
}


@pytest.mark.parametrize(("heading", "cells", "kind"), COLUMNS.values(), ids=COLUMNS)
def test_a_column_is_what_it_holds(heading, cells, kind):
    found = profiles_of(pd.DataFrame({heading: cells}))[heading]
    assert (found.kind, found.form) == kind


ONE_ROW = {  # cells of three columns, and what is said of one row of them
    "units": (
        [["", "p1", "p2"], ["years", "5", "6"], ["mg/l", "3.5", "4"]],
        "row 1 below the header holds 'years', 'mg/l' where",
    ),
    "units of one column": (
        [["", "p1", "p2"], ["years", "5", "6"], ["", "a", "b"]],
        "row 1 below the header holds 'years' where",
    ),
    "a header once more": (
        [["p1", "A", "p2"], ["5", "b", "6"], ["3.5", "C", "4"]],
        "row 2 below the header: the header once more",
    ),
    "a word of a user": ([["p1", "p2", "p3"], ["5", "6", "many"], ["3.5", "", "4"]], ""),
    "a mark in both": ([["p1", "p2", "p3"], ["5", "6", "?"], ["3.5", "2", "?"]], ""),
    "words": ([["p1", "p2", "p3"], ["5", "6", "high"], ["3", "low", "4"]], ""),
    "texts": ([["p1", "p2", "p3"], ["a", "6", "b"], ["c", "4", "d"]], ""),
}


@pytest.mark.parametrize(("cells", "said"), ONE_ROW.values(), ids=ONE_ROW)
def test_one_row_that_spoils_columns_is_named(cells, said):
    table = pd.DataFrame(dict(zip(["a", "B", "c"], cells, strict=True)))
    numbers = pd.DataFrame({"a": ["p9"] * 30, "B": ["7"] * 30, "c": ["8"] * 30})
    table = pd.concat([table, numbers], ignore_index=True)
    doubts = [*doubts_of_rows(table, profiles_of(table))]
    assert [said in each and "remove" in each for each in doubts] == ([True] if said else [])


def test_a_column_that_mixes_per_cent_and_fractions_is_said():
    mixed = [f"{each}%" if each % 2 else f"0.{each:02}" for each in N]
    table = pd.DataFrame(
        {"FiO2": mixed, "spo2": [f"{each}%" if each % 2 else str(each) for each in N], "n": N.astype(str)}
    )
    (said,) = doubts_of_units(profiles_of(table).values())
    assert re.match(
        r"FiO2 holds \d+% beside 0\.\d+ without %, in 30 rows: write all in one way, or say --leave-out FiO2", said
    )


QUESTIONS = {  # words of a label, the task, and its classes with their words in order, or what is said
    "truth of Excel in German": (["WAHR", "FALSCH"], "binary", [["FALSCH"], ["WAHR"]]),
    "truth of Excel in French": (["VRAI", "FAUX"], "binary", [["FAUX"], ["VRAI"]]),
    "yes in Chinese": (["是", "否"], "binary", [["否"], ["是"]]),
    "yes in three spellings": (["Yes", "yes", "YES", "no"], "binary", [["no"], ["Yes", "yes", "YES"]]),
    "a code for nobody knows": (["0", "1", "9"], "ordinal", "9 of level is far from 0 to 1: say --missing level=9"),
    "a code below": (["1", "2", "3", "-99"], "ordinal", "-99 of level is far from 1 to 3: say --missing level=-99"),
    "grades without a gap": (["7", "8", "9"], "ordinal", [["7"], ["8"], ["9"]]),
    "tumour stages": (["T1", "T2", "T3", "T4"], "multiclass", [["T1"], ["T2"], ["T3"], ["T4"]]),
    "severity in German": (["leicht", "mittel", "schwer"], "ordinal", [["leicht"], ["mittel"], ["schwer"]]),
    "a slash in a class": (["N/V", "M/T"], "binary", [["N/V"], ["M/T"]]),
    "nothing found in German": (["o.B.", "Fraktur"], "binary", [["o.B."], ["Fraktur"]]),
    "nothing in British": (["nil", "mild", "severe"], "ordinal", [["nil"], ["mild"], ["severe"]]),
    "yes in two spellings": (["yes", "y", "no"], "binary", [["no"], ["yes", "y"]]),
    "no in two languages": (["No", "Nein", "Ja"], "binary", [["No", "Nein"], ["Ja"]]),
    "a weak plus beside others": (["-", "(+)", "+", "++"], "ordinal", [["-"], ["(+)"], ["+"], ["++"]]),
    "a slash between grades": (["low", "low/moderate", "moderate"], "multiclass", 3),
    "a slash of signs": (["+", "+/-", "-"], "multiclass", 3),
    "a slash of doubt": (["benign", "malignant", "benign/malignant"], "multiclass", 3),
    "a receptor": (["ER+", "ER-", "ER+/PR+"], "multiclass", 3),
}


@pytest.mark.parametrize(("words", "task", "expected"), QUESTIONS.values(), ids=QUESTIONS)
def test_a_label_asks_what_its_words_mean(words, task, expected):
    found = asked([*profiles_of(pd.DataFrame({"level": np.resize(words, 60)})).values()], [], [])
    assert found.task == task
    if isinstance(expected, str):
        assert expected in " ".join(found.unsure)
    elif isinstance(expected, int):
        assert len(found.rules) == expected
    else:
        assert [rule.positive for rule in found.rules] == expected
        assert not [each for each in found.unsure if "--missing" in each]


@pytest.mark.parametrize("between", ["，", "、", "；", " + ", "+", "/", " & ", "|"])
def test_several_labels_in_a_cell_are_offered_where_each_stands_alone(between):
    words = ["肺炎", "结节", "积液", f"肺炎{between}结节", f"结节{between}积液", "正常"]
    table = pd.DataFrame({"dx": np.resize(words, 60)})
    found = asked([*profiles_of(table).values()], [], [])
    assert {rule.positive[0] for rule in found.rules} == {"肺炎", "结节", "积液"}
    assert found.task == "multilabel" and "say --between none if each is one class" in found.unsure[0]


def test_a_class_that_is_a_weak_plus_is_called_so():
    found = asked([*profiles_of(pd.DataFrame({"x": np.resize(["-", "(+)", "+", "(++)", "++"], 60)})).values()], [], [])
    assert [rule.name for rule in found.rules] == ["minus", "weak-plus", "plus", "weak-plus-plus", "plus-plus"]
    assert not [each for each in found.unsure if "read like" in each]


def test_classes_of_yes_and_no_in_several_spellings_are_called_after_the_column():
    found = asked([*profiles_of(pd.DataFrame({"tb": np.resize(["No", "Nein", "Ja"], 60)})).values()], [], [])
    assert [rule.name for rule in found.rules] == ["no-tb", "tb"] and not found.unsure


@pytest.mark.parametrize(
    "word",
    ["p.a.", "P.A.", "PA.", "a.p. liegend", "AP im Liegen", "p.a. stehend", "p-a", "face", "de face", "PA upright",
     "AP portable", "AP semi-erect", "後前", "frontal debout"],
)  # fmt: skip
def test_frontal_views_are_known(word):
    assert is_frontal(word) and not is_lateral(word)


@pytest.mark.parametrize(
    "word", ["LAT.", "lat", "seitlich", "profil", "de profil", "Profil gauche", "L.L.", "latero-laterale", "侧位"]
)
def test_lateral_views_are_known(word):
    assert is_lateral(word) and not is_frontal(word)


BETWEEN = {"plus": " + ", "ampersand": " & ", "tab": "\t", "comma of Japan": "、", "comma of China": "，", "space": " "}


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
def test_images_of_a_cell_are_found_by_what_is_between(between):
    table = pd.DataFrame({"file": [f"a{each}.png{between}b{each}.png" for each in N]})
    share = lambda cells: sum(bool(re.fullmatch(r"\w+\.png", cell)) for cell in cells) / len(cells)  # noqa: E731
    found = roles_of(profiles_of(table, share), UserRoles(), table=table)
    assert (found.between, found.most_images) == (between.strip() or between, 2)


def test_an_age_of_ninety_or_more_is_read_as_ninety_and_said():
    table = pd.DataFrame({"age": ["90+" if each % 9 == 0 else str(each + 20) for each in N]})
    found = roles_of(profiles_of(table), UserRoles(), table=table)
    assert found.columns["age"].form == "at-least" and number_of("at-least")("90+") == "90"
    assert found.unsure == ["age: '90+' is read as 90"]


def test_a_code_for_nobody_knows_leaves_two_classes_once_it_is_named():
    table = pd.DataFrame({"level": np.resize(["0", "1", "9"], 60)})
    found = asked([*profiles_of(table, None, missing_of(["level=9"], table)).values()], [], [])
    assert found.task == "binary"


VALUES = {  # of a column of numbers between 5 and 9, and those that may stand for a missing value
    "nothing": ([], []),
    "-999": ([-999] * 9, ["-999"]),
    "9999": ([9999] * 9, ["9999"]),
    "a code once": ([-1], ["-1"]),
    "two codes": ([88, 99, 99], ["99", "88"]),
    "zero, which is none": ([0] * 9, []),
    "a value that is high and no code": ([21], []),
}


@pytest.mark.parametrize(("values", "found"), VALUES.values(), ids=VALUES)
def test_numbers_that_stand_for_nothing_are_seen_by_their_distance(values, found):
    cells = pd.Series([*np.linspace(5, 9, 60).round(1), *values]).map("{:g}".format)
    assert [each.word for each in sentinels(cells)] == found


PATIENTS = {  # numbers of patients, and what is said to be unsure
    "shortened by Excel": ([f"1.2345{each // 6}E+11" for each in N], [r"1\.23450E\+11.*shortened by Excel"]),
    "one name for all who have none": (
        np.where(N % 5, "ANON", N.astype(str)), ["'ANON' stands in 48 of 60 rows: say --missing patient=ANON"]
    ),
    "some with many visits": ([f"p{each // 3}" for each in N], []),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "said"), PATIENTS.values(), ids=PATIENTS)
def test_what_is_odd_in_numbers_of_patients_is_said(cells, said):
    table = pd.DataFrame({"patient": cells, "dx": np.resize(["ill", "well"], 60)})
    found = roles_of(profiles_of(table), UserRoles(labels=["dx"]), table=table)
    assert found.patient == "patient" and len(found.unsure) == len(said)
    assert all(map(re.search, said, found.unsure))


@pytest.mark.parametrize("heading", ["Case", "Fallnr", "lesion_id", "症例"])
def test_a_case_with_several_rows_stays_in_one_fold(heading):
    table = pd.DataFrame({heading: [f"MPX{each // 3:04}" for each in N], "dx": np.resize(["ill", "well"], 60)})
    found = roles_of(profiles_of(table), UserRoles(labels=["dx"]), table=table)
    assert found.group_by == [heading] or found.patient == heading


def test_visits_and_studies_that_many_share_stay_in_no_fold():
    table = pd.DataFrame({"visit": [f"V{each % 5 + 10}" for each in N], "study": np.resize(["A", "B"], 60)})
    found = roles_of(profiles_of(table.assign(dx=np.resize(["ill", "well"], 60))), UserRoles(labels=["dx"]))
    assert found.group_by == [] and {*found.columns} == {"visit", "study"}


CELLS = {  # what a cell says of the image x 1.png, which is in a folder and, by the way of Windows, in a .zip file
    "an address": "https://example.org/files/x%201.png?raw=1#top",
    "an address of a file": "file:///home/me/in/x%201.png",
    "a path of Windows": "D:\\Studie\\in\\x 1.PNG",
    "another suffix": "in/x 1.dcm",
    "spaces around": " x 1.png ",
}


@pytest.mark.parametrize("place", ["in", "in.zip"])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_an_image_is_found_by_what_a_cell_says(tmp_path, cell, place):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/x 1.png").write_bytes(b"image")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("in\\x 1.png", b"image")
    images = ImageFiles(tmp_path, [place])
    (file,) = images.find([cell]).values()
    assert next(images.read([file], 1 << 20)).data == b"image"


def test_an_archive_with_a_password_is_refused_at_once(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("x.png", b"image")
    locked = bytearray((tmp_path / "in.zip").read_bytes())
    locked[locked.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "in.zip").write_bytes(locked)
    with pytest.raises(UserError, match=r"in\.zip: is encrypted\. Unpack it with its password, and name the folder"):
        ImageFiles(tmp_path, ["in.zip"])


def test_a_table_without_a_header_of_dates_and_numbers_is_refused():
    with pytest.raises(UserError, match="line 1: found '2020-01-06', '54', which reads like a row"):
        check_header(pd.DataFrame({"2020-01-06": ["2020-01-07"], "54": ["61"], "ill": ["well"]}), "cases.csv")

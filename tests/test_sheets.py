"""Tables as people have them: what is read, and what is refused in one clear message."""

import builtins
import datetime
import re

import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.sheets import Format, read_sheet, sniff, sniffed

TABLE = {"id": ["007", "12"], "age": ["54", ""], "note": ["clear, both", 'he said "no"\nand left']}


def write(tmp_path, text, encoding="utf-8", name="cases.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def cells(path, *how):
    return read_sheet(path, *how).to_dict("list")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_what_sniff_finds_reads_the_table(tmp_path, separator, encoding, line_end):
    rows = ["id,age,größe", '007,54,"clear, both"', '12,,"he said ""no"", é"', "  ,,", '"1|;\t,x"," 3 ",x']
    path = write(tmp_path, line_end.join(row.replace(",", separator) for row in rows), encoding)
    found = sniff(path)
    assert found == Format(separator, encoding.replace("-sig", ""), ".")
    comma = "clear, both".replace(",", separator)
    expected = {
        "id": ["007", "12", "1|;\t,x".replace(",", separator)],
        "age": ["54", "", "3"],
        "größe": [comma, f'he said "no"{separator} é', "x"],
    }
    assert cells(path, *found) == expected


GREETINGS = {
    "cp1252": "größe;Übersicht|männlich;Herz leicht vergrößert, keine Ergüsse",
    "cp1251": "возраст;жалоба|мужской;лёгкие чистые, кашель три дня",
    "cp1250": "płeć;rozpoznanie|mężczyzna;zapalenie płuc, gorączka od trzech dni",
    "cp1253": "φύλο;διάγνωση|άνδρας;πνεύμονες καθαροί, βήχας",
    "gb18030": "性别;诊断|男;双肺清晰心影正常咳嗽三天",
    "big5": "性別;診斷|男;雙肺清晰心影正常咳嗽三天",
    "cp932": "性別;診断|男性;両肺野は清明、三日前から発熱",
    "cp949": "성별;진단|남자;양측 폐야는 깨끗함, 삼일 전부터 기침",
    "mac-roman": "größe;Übersicht|männlich;Herz leicht vergrößert, keine Ergüsse",
    "cp850": "größe;Übersicht|männlich;Herz leicht vergrößert, keine Ergüsse",
    "cp866": "возраст;жалоба|мужской;лёгкие чистые, кашель три дня",
    "koi8-r": "возраст;жалоба|мужской;лёгкие чистые, кашель три дня",
    "cp874": "ผู้ป่วย;ผล|หญิง;ปอดบวม ไข้สามวัน",
    "euc_jp": "性別;診断|男性;両肺野は清明、三日前から発熱",
    "iso8859-2": "płeć;rozpoznanie|mężczyzna;zapalenie płuc, gorączka, świszczący oddech",
    "cp1257": "pacientas;diagnozė|žmogus;plaučių uždegimas, kosulys tris dienas",
    "utf-32": "größe;Übersicht|männlich;Herz leicht vergrößert",
}


@pytest.mark.parametrize("encoding", GREETINGS)
def test_tables_in_the_encodings_of_the_world_are_read_as_they_were_written(tmp_path, encoding):
    text = GREETINGS[encoding].replace("|", "\n") + "\nx;clear\n"
    path = write(tmp_path, text, encoding)
    assert sniff(path) == Format(";", encoding)
    header, row = (line.split(";") for line in GREETINGS[encoding].split("|"))
    assert cells(path, *sniff(path)) == {
        name: [cell, rest] for name, cell, rest in zip(header, row, ["x", "clear"], strict=True)
    }


@pytest.mark.parametrize("encoding", ["cp1252", "cp850", "koi8-r", "utf-16-le"])
def test_a_guessed_encoding_is_said_until_a_user_says_it(tmp_path, encoding):
    text = GREETINGS.get(encoding, "größe;n|männlich;2").replace("|", "\n")
    path = write(tmp_path, text + "\n", encoding)
    assert [re.findall(r"^the encoding (\S+) is guessed.*--encoding", each) for each in sniffed(path).unsure] == [
        [encoding]
    ]
    assert not sniffed(path, encoding=encoding).unsure


@pytest.mark.parametrize("cell", ["25 µg", "±2", "€ 5", "36 °C", "it’s"])
def test_a_sign_alone_is_one_of_windows(tmp_path, cell):
    path = write(tmp_path, f"id,dose\n1,{cell}\n", "cp1252")
    assert cells(path, *sniff(path))["dose"] == [cell]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_encoding_that_the_file_shows_is_not_unsure(tmp_path, encoding):
    assert not sniffed(write(tmp_path, "größe;n\nmännlich;2\n", encoding)).unsure


def test_letters_that_were_lost_before_are_counted(tmp_path):
    (said,) = sniffed(write(tmp_path, "sex;n\nm\ufffdnnlich;2\nm\ufffdnnlich\ufffd;3\n")).unsure
    assert said.startswith("3 letters of cases.csv are \ufffd, the first in line 2") and "export it again" in said


def test_one_wrong_byte_in_utf_8_is_named_with_its_line_and_not_taken_for_another_encoding(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_bytes("id,größe\n1,männlich\n2,".encode() + b"\xe9" + ",\n3,Müller\n".encode())
    with pytest.raises(UserError, match=r"line 3: byte 0xe9 is not utf-8\. The rest of the file is: replace"):
        sniff(path)


def test_no_word_is_taken_for_a_missing_value_and_ids_keep_their_zeros(tmp_path):
    assert cells(write(tmp_path, "a,b\nNA,null\n007,nan\n,None\n")) == {
        "a": ["NA", "007", ""],
        "b": ["null", "nan", "None"],
    }


def test_decimal_commas_become_points_where_numbers_are_written_so(tmp_path):
    path = write(tmp_path, "crp;dose;list;when\n3,5;1.234,5;1,2,3;12.03.2020\n<4;2.000;4;13.03.2020\n")
    assert sniff(path) == Format(";", "utf-8", ",", ".")
    assert cells(path, *sniff(path)) == {
        "crp": ["3.5", "<4"], "dose": ["1234.5", "2000"], "list": ["1,2,3", "4"], "when": ["12.03.2020", "13.03.2020"]
    }  # fmt: skip


@pytest.mark.parametrize("text", ["a,b\n3.5,1\n", 'a,b\n"3,5",1\n', "a;b\n3.5;4\n", "a;b\nyes, no;4\n"])
def test_a_decimal_comma_is_not_seen_where_there_is_none(tmp_path, text):
    assert sniff(write(tmp_path, text)).decimal == "."


def test_excels_first_line_and_its_empty_columns_and_rows_are_left_out(tmp_path):
    path = write(tmp_path, "sep=;\r\nid;age;;\r\n1;54;;\r\n;;;\r\n")
    assert sniff(path).separator == ";"
    assert cells(path, ";") == {"id": ["1"], "age": ["54"]}


def test_a_column_without_a_name_is_called_by_its_place(tmp_path):
    assert list(cells(write(tmp_path, ",age\n0,54\n"))) == ["column1", "age"]


def test_a_long_text_is_read(tmp_path):
    text = "word " * 100_000
    assert cells(write(tmp_path, f"id,note\n1,{text}\n"))["note"] == [text.strip()]


def test_one_column_is_a_table(tmp_path):
    path = write(tmp_path, "image\na.png\nb.png\n")
    assert cells(path, *sniff(path)) == {"image": ["a.png", "b.png"]}


def test_parquet_gives_the_cells_of_the_csv(tmp_path):
    path = tmp_path / "cases.parquet"
    when = [datetime.datetime(2020, 1, 6), None, datetime.datetime(2020, 2, 1)]
    frame = pd.DataFrame(
        {
            "id": ["007", "NA", None],
            "age": [3.0, None, 54.0],
            "count": pd.array([1, None, 3], dtype="Int64"),
            "crp": [0.1, 3.0, 1e20],
            "icu": [True, False, None],
            "day": when,
            "time": [datetime.datetime(2020, 1, 6, 8, 30), None, None],
            "sex": pd.Categorical(["F", "M", None]),
        }
    )
    frame.to_parquet(path, index=False)
    assert sniff(path) == Format()
    assert cells(path) == {
        "id": ["007", "NA", ""],
        "age": ["3", "", "54"],
        "count": ["1", "", "3"],
        "crp": ["0.1", "3", "1e+20"],
        "icu": ["true", "false", ""],
        "day": ["2020-01-06", "", "2020-02-01"],
        "time": ["2020-01-06T08:30:00", "", ""],
        "sex": ["F", "M", ""],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("id,age\n", "has a header and no rows.*id, age"),
        ("id,age\n,\n", "has a header and no rows"),
        ("id,age\n1,54\n2,3,4\n", "line 3: found 3 fields, expected the 2 of the header"),
        ('id,age\n1,"5"4\n', "line 2: .*quote"),
        ('id,age\n1,"54\n', "line 2: .*Fix the quotes"),
        ("id,age,id\n1,2,3\n", "found the column id more than once"),
        ("id;age\n1;3,5\n", "the header is one field, 'id;age'.*Say separator: ';'"),
    ],
)
def test_what_is_not_a_table_is_refused(tmp_path, text, said):
    with pytest.raises(UserError, match=re.compile(f"cases.csv: .*{said}", re.S)):
        read_sheet(write(tmp_path, text))


def test_a_wrong_encoding_is_named_with_the_line(tmp_path):
    path = write(tmp_path, "id,note\n1,clear\n2,é\n", "cp1252")
    with pytest.raises(UserError, match=r"line 3: byte 0xe9 is not utf-8.*such as cp1252"):
        read_sheet(path)
    with pytest.raises(UserError, match=r"byte 0xff is not utf-8.*such as utf-16"):
        read_sheet(write(tmp_path, "id,note\n1,x\n", "utf-16"))
    with pytest.raises(UserError, match="found 'utf-9', expected one such as utf-8"):
        read_sheet(path, encoding="utf-9")


def test_other_kinds_of_files_are_named(tmp_path):
    for name, data, said in [
        ("cases.xlsx", b"PK\x03\x04rest", "Excel workbook.*CSV"),
        ("cases.xls", b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        ("cases.csv.gz", b"\x1f\x8brest", "compressed"),
        ("cases.parquet", b"PAR1rest", "cannot be read as Parquet"),
    ]:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=said):
            read_sheet(tmp_path / name)
    for path, said in [(tmp_path / "no.csv", "not found"), (tmp_path, "is a folder")]:
        for look in [read_sheet, sniff]:
            with pytest.raises(UserError, match=said):
                look(path)


def test_parquet_that_holds_no_cells_is_refused(tmp_path):
    pd.DataFrame({"id": ["1"], "image": [b"png"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(UserError, match="the column image holds binary"):
        read_sheet(tmp_path / "a.parquet")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    pd.DataFrame({"id": ["1"]}).to_parquet(tmp_path / "a.parquet")
    real = builtins.__import__

    def without_arrow(name, *arguments, **others):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *arguments, **others)

    monkeypatch.setattr(builtins, "__import__", without_arrow)
    with pytest.raises(UserError, match=r"pyarrow.*Install lungfuse\[parquet\]"):
        read_sheet(tmp_path / "a.parquet")

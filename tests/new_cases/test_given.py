"""What a user gives to be predicted is read as it is written, or refused in words."""

from pathlib import Path

import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.new_cases import predict
from lungfuse.new_cases.given import check_characters, read_written
from lungfuse.settings.table import TableReading
from lungfuse.stages import call

CLINIC = TableReading(separator=";", encoding="cp1252", decimal=",", missing=["k.A.", "-"])
CASES = pd.DataFrame(
    {"id": ["a", "-"], "sex": ["männlich", ""], "crp": ["3.5", "1517.2"], "text": ["Husten, Fieber", ""]}
)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("id;sex;crp;text\na;männlich;3,5;Husten, Fieber\n-;k.A.;1.517,2;-\n", "cp1252"),
        ("id;sex;crp;text\na;männlich;3,5;Husten, Fieber\n-;k.A.;1.517,2;-\n", "utf-8"),
        ('id,sex,crp,text\na,männlich,3.5,"Husten, Fieber"\n-,,1517.2,\n', "utf-8-sig"),
    ],
)
def test_a_table_of_cases_is_written_as_that_of_the_study_or_as_plain_csv(tmp_path, content, encoding):
    (tmp_path / "cases.csv").write_text(content, encoding=encoding)
    pd.testing.assert_frame_equal(read_written(tmp_path / "cases.csv", CLINIC), CASES)


def test_a_missing_table_is_reported(tmp_path):
    with pytest.raises(UserError, match=r"none\.csv: not found"):
        read_written(tmp_path / "none.csv", CLINIC)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": Path("mo\0del"), "text": "clear"}, "--model: found a NUL character in 'mo.x00del', expected text"),
        ({"text": "caf\udce9"}, "--text: character 4 is the byte 0xe9, which is not UTF-8. Give the text in UTF-8, or"),
        ({"values": {"sex": "F\0"}}, "--values.sex: found a NUL character"),
        ({"cases": Path("cases.csv"), "truth": " "}, "--truth: found nothing, expected the name of a column"),
        ({"cases": Path("cases.csv"), "truth": ""}, "--truth: found nothing, expected the name of a column"),
    ],
)
def test_an_option_that_is_no_text_is_refused_before_a_model_is_loaded(monkeypatch, given, said):
    monkeypatch.setattr(predict, "Predictor", lambda *_: pytest.fail("a model is loaded"))
    with pytest.raises(UserError, match=said):
        call("predict", {"model": Path("model")} | given)


def test_a_path_may_hold_bytes_of_any_encoding():
    check_characters("--model", "caf\udce9", path=True)

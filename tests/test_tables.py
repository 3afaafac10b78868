import pandas as pd
import pytest
from pandera.typing import Series

from lungfuse.errors import UserError
from lungfuse.tables.base import Table, columns, read_table, write_table
from lungfuse.tables.cases import cases_with
from lungfuse.tables.comparison import Comparison
from lungfuse.tables.ingest import Funnel
from lungfuse.tables.training import Predictions

DESIGN = (
    "model images text encoders n accuracy accuracy_low accuracy_high auroc auroc_low auroc_high "
    "sensitivity sensitivity_low sensitivity_high specificity specificity_low specificity_high "
    "n_own_text positives_own_text accuracy_own_text p_vs_best_unimodal seconds_per_epoch published_accuracy"
)


def test_a_table_comes_back_as_it_was_written(tmp_path):
    table = pd.DataFrame({"step": ["NA", "a, b"], "count": [1, 2], "negative": [None, 1], "positive": [None, 1]})
    write_table(table, tmp_path / "funnel.csv", Funnel)
    pd.testing.assert_frame_equal(read_table(tmp_path / "funnel.csv", Funnel), table, check_dtype=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,picture\na,1\n", r"no column image, text; found id, picture\. Expected the columns id, image, text"),
        (b"id,image,text\na,,\na,,\n", "column id, row 0: found 'a', expected no value twice"),
        (b"id,image,text\na,,Lungs low, clear\n", "line 2: found 4 fields, expected the 3 of the header"),
        (b"id,image,text\na,,\nb,,low, clear\n", "line 3: found 4 fields, expected the 3"),
        (b"id,image,text\na,\n", "line 2: found 2 fields, expected the 3 of the header"),
        (b'id,image,text\na,"x.png,low\nb,"y.png,low\n', "line 3: ',' expected after '\"'. Fix the quotes"),
        (b'id,image,text\na,,"low\nb,,low\n', "line 3: unexpected end of data"),
        (b"id,image,text,text\na,,low,high\n", "the column text more than once"),
        (b"id,image,text\na,,\nb,,caf\xe9\n", "line 3: byte 0xe9 is not UTF-8"),
        (b"", "cannot be read as CSV"),
    ],
)
def test_a_table_that_does_not_fit_is_reported(tmp_path, content, message):
    (tmp_path / "cases.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_table(tmp_path / "cases.csv", cases_with(["image", "text"]))


@pytest.mark.parametrize("count", ["many", "-1"])
def test_a_number_that_is_none_is_reported(tmp_path, count):
    (tmp_path / "funnel.csv").write_text(f"step,count,negative,positive\na,{count},,\n")
    with pytest.raises(UserError, match=f"column count, row 0: found '{count}'"):
        read_table(tmp_path / "funnel.csv", Funnel)


def test_a_missing_table_and_a_folder_in_its_place_are_reported(tmp_path):
    with pytest.raises(UserError, match=r"funnel\.csv: not found"):
        read_table(tmp_path / "funnel.csv", Funnel)
    with pytest.raises(UserError, match=r"cannot be read as CSV \(.*Is a directory"):
        read_table(tmp_path, Funnel)


def test_columns_are_those_of_the_contract():
    assert columns(Comparison, DESIGN.split())[: len(DESIGN.split())] == DESIGN.split()
    assert columns(Predictions) == ["pair_id", "fold", "label", "score", "prediction", "probability", "repeat"]


def test_what_is_true_or_false_comes_back_so_and_another_word_is_refused(tmp_path):
    class Checked(Table):
        leaks: Series[bool]

    path = tmp_path / "checked.csv"
    write_table(pd.DataFrame({"leaks": [True, False]}), path, Checked)
    assert read_table(path, Checked)["leaks"].tolist() == [True, False]
    path.write_text("leaks\nno\n")
    with pytest.raises(UserError, match="column leaks: found 'no', expected True or False"):
        read_table(path, Checked)

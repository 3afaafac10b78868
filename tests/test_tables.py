import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.tables import Comparison, Funnel, Predictions, columns, read_table, write_table

DESIGN = (
    "model images text encoders n accuracy accuracy_low accuracy_high auroc auroc_low auroc_high "
    "sensitivity sensitivity_low sensitivity_high specificity specificity_low specificity_high "
    "n_own_text positives_own_text accuracy_own_text p_vs_best_unimodal seconds_per_epoch published_accuracy"
)


def test_a_table_comes_back_as_it_was_written(tmp_path):
    table = pd.DataFrame({"step": ["NA", "a, b"], "count": [1, 2]})
    write_table(table, tmp_path / "funnel.csv", Funnel)
    pd.testing.assert_frame_equal(read_table(tmp_path / "funnel.csv", Funnel), table, check_dtype=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("step,number\na,1\n", r"no column count; found step, number\. Expected the columns step, count"),
        ("step,count\na,many\n", "column count, row 0: found 'many'"),
        ("step,count\na,-1\n", "column count, row 0: found '-1'"),
        ("step,count\na,1\na,2\n", "column step"),
        ("", "cannot be read as CSV"),
    ],
)
def test_a_table_that_does_not_fit_is_told(tmp_path, content, message):
    (tmp_path / "funnel.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        read_table(tmp_path / "funnel.csv", Funnel)


def test_a_missing_table_is_told(tmp_path):
    with pytest.raises(UserError, match=r"funnel\.csv: not found"):
        read_table(tmp_path / "funnel.csv", Funnel)


def test_columns_are_those_of_the_contract():
    assert columns(Comparison)[: len(DESIGN.split())] == DESIGN.split()
    assert columns(Predictions) == ["pair_id", "fold", "label", "score", "prediction", "probability", "repeat"]

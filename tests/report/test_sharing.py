"""Tables that may leave a hospital: no count of one to four cases, and nothing measured on so few."""

import pandas as pd

from lungfuse.report.sharing import few, suppressed, suppressed_csv


def test_counts_of_few_cases_and_what_is_measured_on_them_are_left_out():
    table = pd.DataFrame(
        {"site": ["a", "b"], "fold": [1, 2], "n": [3, 80], "auroc": [0.71, 0.8], "false_positives": [0.5, 7.5]}
    )
    found = suppressed(table.assign(trainings=3, positives=[0, 4]))
    assert found["n"].tolist() == ["<5", "80"] and found["positives"].tolist() == ["0", "<5"]
    assert found["fold"].tolist() == ["1", "2"] and found["trainings"].tolist() == ["3", "3"]
    assert found["auroc"].tolist() == ["", ""], "measured on three cases, or on four positive ones"
    assert suppressed(table)["auroc"].tolist() == ["", "0.8"]
    assert suppressed(table)["false_positives"].tolist() == ["<5", "7.5"]


def test_a_file_is_suppressed_as_its_table_is():
    assert suppressed_csv("step,count\nimages,12\npairs,4\n") == "step,count\nimages,12\npairs,<5\n"
    assert [few(count) for count in [0, 1, 4, 5]] == ["0", "<5", "<5", "5"]

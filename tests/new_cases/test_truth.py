"""What is known of new cases, by names or numbers of classes."""

from pathlib import Path

import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.new_cases.truth import read_truth
from lungfuse.tasks import load_task

GRADES = load_task("multiclass", ["1", "2", "3"])


def known(words: list[str], task=GRADES) -> list[float]:
    cases = pd.DataFrame({"id": [f"c{number}" for number in range(len(words))], "grade": words})
    return read_truth(cases, "grade", task, Path("cases.csv"))["label"].tolist()


@pytest.mark.parametrize("words", [["1", "2", "3", "2"], ["0", "1", "2", "1"]])
def test_classes_called_by_numbers_are_reported_by_names_or_numbers_whichever_all_words_are(words):
    assert known(words) == [0, 1, 2, 1]


@pytest.mark.parametrize("words", [["1", "2", "2", "1"], ["0", "3", "1", "2"]])
def test_a_word_that_is_the_name_of_one_class_and_the_number_of_another_is_refused(words):
    with pytest.raises(UserError, match=r"cases\.csv: column grade: found '1', which is the name of a class and"):
        known(words)


def test_numbers_in_the_place_of_their_names_are_both():
    assert known(["0", "1", "1", "0"], load_task("binary", ["0", "1"])) == [0, 1, 1, 0]
    assert known(["0", "Lung", "1", "normal"], load_task("binary", ["normal", "lung"])) == [0, 1, 1, 0]

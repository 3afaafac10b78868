"""How the column of a split is read."""

import pandas as pd
import pytest

from lungfuse.audit.units import joined, linked, near_partners, partners, shared_with_validation
from lungfuse.errors import UserError
from lungfuse.ingest.sides import split_of


def split(*words: str, name: str = "split"):
    return split_of(pd.Series(list(words), name=name), "their.csv")


def rows_tested(found) -> list[list[int]]:
    return [part.test.tolist() for part in found.parts]


def rows_learned(found) -> list[list[int]]:
    return [part.train.tolist() for part in found.parts]


def test_words_of_sides_in_any_case_with_validation_apart():
    found = split("Train", "TEST", "val", "training", "Testing_set")
    assert (rows_learned(found), rows_tested(found)) == ([[0, 3]], [[1, 4]])
    assert found.parts[0].validation.tolist() == [2]
    assert found.said == "split: 2 train, 1 validation, 2 test rows"


@pytest.mark.parametrize("words", [("0", "1", "0"), ("1.0", "2.0", "1.0"), ("fold_1", "fold_2", "fold_1")])
def test_fold_numbers_are_tested_each_by_a_model_of_the_others(words):
    found = split(*words)
    assert (rows_learned(found), rows_tested(found)) == ([[1], [0, 2]], [[0, 2], [1]])
    assert found.crossed


def test_numbered_folds_beside_a_test_part_were_learned_from():
    found = split("0", "1", "test", "2")
    assert (rows_learned(found), rows_tested(found)) == ([[0, 1, 3]], [[2]])


def test_yes_and_no_are_read_by_the_name_of_the_column():
    assert rows_tested(split("1", "0", "0", name="is_test")) == [[0]]
    assert rows_tested(split("True", "False", "True", name="train")) == [[1]]
    assert split("1", "0", "0", name="fold").crossed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "", "test", ""), r"their\.csv: column split, row 2 below the header: is empty, as are 2 cells of 4"),
        (
            ("train", "tset"),
            r"column split, row 2 below the header: found 'tset', expected train, val and test, or fold",
        ),
        (("train", "val"), "found 1 train, 1 validation rows and none to test"),
        (("1", "1", "1"), "column split: is 1 in every row"),
        (tuple(map(str, range(20))), "has 20 different numbers in 20 rows"),
    ],
)
def test_what_is_no_split_is_refused_with_its_row(words, message):
    with pytest.raises(UserError, match=message):
        split(*words)


def test_a_test_row_has_a_partner_where_its_unit_is_in_training():
    found = split("train", "test", "test", "val", "test", "train")
    unit = pd.Series([5, 5, 7, 7, -1, -1]).to_numpy()
    assert partners(unit, found).tolist() == [-1, 0, -1, -1, -1, -1], "7 is in validation alone, -1 is no unit"
    assert shared_with_validation(unit, found) == 1
    assert shared_with_validation(pd.Series([5, 5, 5, 8, -1, -1]).to_numpy(), found) == 0


def test_rows_are_near_through_rows_that_are_the_same():
    found = split("train", "train", "test", "test")
    first = pd.Series([0, 0, 2, 2]).to_numpy()  # rows 0 and 1 are the same, as are 2 and 3
    near = pd.DataFrame([[0, 2]]).to_numpy()
    assert near_partners(first, near, found).tolist() == [-1, -1, 0, 0]


def test_rows_are_joined_by_any_code_and_by_pairs():
    patient, lesion = pd.Series([0, 0, 1, -1, -1]), pd.Series([0, 1, 1, -1, -1])
    assert joined([patient.to_numpy(), lesion.to_numpy()], 5).tolist() == [0, 0, 0, 1, 2]
    assert linked(pd.DataFrame([[0, 2], [2, 4]]).to_numpy(), 5).tolist()[1::2] == [-1, -1]

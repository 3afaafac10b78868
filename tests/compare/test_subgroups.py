"""Subgroups by age band, sex and site, of a table in which some values are missing."""

import pandas as pd
import pytest

from lungfuse.compare.subgroups import subgroups_of
from lungfuse.errors import UserError
from lungfuse.plan.load import load_study

PAIRS = pd.DataFrame(
    {"pair_id": ["d", "a", "b", "c", "e"], "site": ["North", "", "South", "North", ""]}, index=range(5, 10)
)
STRUCTURED = pd.DataFrame(
    {"pair_id": ["a", "b", "c", "d", "e"], "age": ["39.5", "40", "", "120", "130"], "sex": ["F", "M", "F", "", "M"]}
)


def test_each_pair_is_in_the_band_of_its_number_and_under_its_word():
    found = subgroups_of(PAIRS, STRUCTURED, {"age": [0, 40, 60, 120], "sex": [], "site": []})
    assert list(found.index) == list(PAIRS.index)
    assert found["age"].tolist() == ["60-120", "0-40", "40-60", "", ""]
    assert found["sex"].tolist() == ["", "F", "M", "F", "M"]
    assert found["site"].tolist() == PAIRS["site"].tolist()


def test_no_subgroups_are_no_columns():
    assert subgroups_of(PAIRS, STRUCTURED, {}).shape == (5, 0)


@pytest.mark.parametrize(
    ("subgroups", "message"),
    [
        ({"weight": []}, r"comparison\.subgroups\.weight: the dataset table has no such column"),
        ({"sex": [0, 1]}, r"comparison\.subgroups\.sex: found \[0\.0, 1\.0\], but it is a category"),
        ({"age": []}, r"comparison\.subgroups\.age: found \[\], expected the bounds of bands"),
        ({"age": [60, 40]}, r"comparison\.subgroups\.age: found \[60\.0, 40\.0\], expected the bounds"),
    ],
)
def test_subgroups_of_columns_that_there_are_not_are_refused(params, subgroups, message):
    params["studies"]["skin"]["comparison"]["subgroups"] = subgroups
    with pytest.raises(UserError, match=message):
        load_study(params | {"study": "skin"})

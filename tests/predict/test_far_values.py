"""A value far from anything that a model has learned from is predicted with a note."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from lungfuse.modalities.structured.cases import columns
from lungfuse.modalities.structured.inputs import check_fitted, measure
from lungfuse.predict.cases import note_far_numbers


def notes(ages: list[str], *trained_on: pd.Series) -> dict[str, int]:
    """The notes on ages by folds that have learned from some others."""
    known = [measure(values.rename("age")) | {"unit": "years"} for values in trained_on]
    check_fitted(known[:1], ["age"])
    found = Counter()
    note_far_numbers(pd.DataFrame({"age": ages}), columns(["age"], known), found)
    return dict(found)


def test_an_age_of_648_is_noted_and_one_a_little_above_all_is_not():
    trained_on = pd.Series([18.0, 60.0]), pd.Series([30.0, 98.0, np.nan])
    far = "age is far from anything the model has learned from, 18 to 98 years"
    assert notes(["648", "100", "", "17", "-30"], *trained_on) == {far: 2}
    assert notes(["20", ""], *trained_on) == {}


def test_a_column_that_no_pair_had_says_nothing():
    assert notes(["648"], pd.Series([np.nan])) == {}


@pytest.mark.parametrize("model", ["structured", "logistic"])
def test_networks_and_estimators_know_what_they_have_learned_from(study, model):
    predictor = study.predictor(model)
    list(predictor.predict(pd.DataFrame({"id": ["a", "b"], "age": ["648", "50"], "sex": ["F", "F"]})))
    assert [count for note, count in predictor.notes.items() if note.startswith("age is far from")] == [1]

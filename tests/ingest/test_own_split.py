"""A split that a protocol has fixed: folds or a test part by a column, or a test part by date; groups across it."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from lungfuse.errors import UserError
from lungfuse.ingest.parts import UNTESTED, fold_indices
from lungfuse.ingest.split import draw
from lungfuse.settings.ingest import SplitSettings
from lungfuse.tasks.binary import Task

TASK, ROWS = Task(["healthy", "ill"]), 60


def pairs(**changes) -> pd.DataFrame:
    """Two pairs a group, with a day each."""
    number = np.arange(ROWS)
    table = {"pair_id": [f"x{each}" for each in number], "label": number // 2 % 2, "group": number // 2, "site": ""}
    table["date"] = pd.date_range("2020-01-01", periods=ROWS, freq="D").strftime("%d.%m.%Y")
    return pd.DataFrame(table | changes)


def settings(**said) -> SplitSettings:
    return SplitSettings(**{"folds": 1, "validation": 0.2} | said)


def column(*words: str) -> np.ndarray:
    """Words in turn, the same for both pairs of a group."""
    return np.resize(words, ROWS // 2).repeat(2)


def test_folds_are_those_of_a_column():
    table = pairs(own_split=column("fold1", "fold1", "fold2", "fold2", "fold3", "fold3"))
    drawn = draw(table, settings(column="fold", folds=3), 0, TASK)
    assert drawn.pairs.groupby("own_split")["fold"].unique().map(list).to_dict() == {
        "fold1": [0],
        "fold2": [1],
        "fold3": [2],
    }


def test_a_fixed_test_part_is_tested_once_and_validation_is_that_of_the_column():
    table = pairs(own_split=column("train", "train", "val", "val", "test", "test"))
    drawn = draw(table, settings(column="part"), 0, TASK)
    train, validated, test = (set(table["own_split"].iloc[part]) for part in fold_indices(*drawn.of_repeat(0), 0))
    assert (train, validated, test) == ({"train"}, {"val"}, {"test"})


@pytest.mark.parametrize(
    "words", [("no", "no", "no", "yes"), ("0", "0", "0", "1"), ("train", "train", "train", "test")]
)
def test_a_test_part_is_named_by_yes_and_no_or_by_words(words):
    table = pairs(own_split=np.resize(words, ROWS // 2).repeat(2), label=np.arange(ROWS) // 8 % 2)
    drawn = draw(table, settings(test="held_out", repeats=2), 0, TASK)
    assert (drawn.pairs["fold"] == 0).tolist() == (table["own_split"] == words[-1]).tolist()
    assert set(drawn.folds["fold"]) == {0, UNTESTED}
    validated = table.set_index("pair_id")["own_split"][drawn.validation["pair_id"]]
    assert set(validated) == {words[0]} and 0 < len(validated) < ROWS


def test_models_learn_from_the_past_and_are_tested_on_the_future():
    table = pairs()
    table = table.sample(frac=1, random_state=0).reset_index(drop=True)
    drawn = draw(table, settings(by="date", after="2020-02-16"), 0, TASK)
    days = pd.to_datetime(table["date"], dayfirst=True)
    assert ((drawn.pairs["fold"] == 0) == (days >= "2020-02-16")).all()
    latest = draw(table.assign(group=range(ROWS)), settings(by="date", test_share=0.25), 0, TASK).pairs
    assert (latest["fold"] == 0).mean() == pytest.approx(0.25, abs=0.02)


def test_groups_on_both_sides_are_refused_unless_the_study_allows_them():
    table = pairs(own_split=np.resize(["train", "train", "train", "test"], ROWS))
    with pytest.raises(UserError, match=r"share a patient.*x2 and x3.*groups: allowed.*audit --split"):
        draw(table, settings(column="part"), 0, TASK)
    allowed = draw(table, settings(column="part", groups="allowed"), 0, TASK)
    assert (allowed.pairs["fold"] == 0).sum() == ROWS // 4


@pytest.mark.parametrize(
    ("said", "table", "message"),
    [
        ({"column": "fold", "folds": 4}, pairs(own_split=column("1", "1", "2",
        "2")), "split.folds: found 4, but the column has 2"),
        ({"column": "fold", "folds": 3}, pairs(), "split.column: found 'fold', but the dataset has no such column"),
        ({"column": "part"}, pairs(own_split=column("train", "x")), "found 'x', expected train, val and test"),
        ({"column": "part"}, pairs(own_split=column("train", "")), "is empty"),
        ({"test": "fold"}, pairs(own_split=column("1", "1", "2", "2", "3",
        "3")), r"split.test: .*Say split: \{column: fold, folds: 3\}"),
        ({"by": "date"}, pairs(date=["", *pairs()["date"][1:]]), "1 of 60 pairs have no date .*, x0 first"),
        ({"by": "date", "after": "2031-01-01"}, pairs(), "leaves 0 pairs of 60 to test; the dates are from 2020-01-01"),
    ],
)  # fmt: skip
def test_a_split_that_cannot_be_used_is_named(said, table, message):
    with pytest.raises(UserError, match=message):
        draw(table, settings(**said), 0, TASK)


@pytest.mark.parametrize(
    "said",
    [{}, {"column": "a", "test": "b"}, {"test": "b", "by": "date"}, {"by": "date",
    "folds": 3}, {"folds": 5, "groups": "allowed"},
     {"by": "date", "after": "soon"}],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_refused(said):
    with pytest.raises(ValidationError):
        settings(**said)

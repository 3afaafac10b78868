"""What a flaw is worth beside its matched control, where that is known because it was planted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungfuse.audit import model
from lungfuse.audit.audited import Named, read_audited
from lungfuse.audit.flaws import flaws_of
from lungfuse.audit.model import matrix_of
from lungfuse.audit.scores import Estimate, Resampled, within_folds, word
from lungfuse.audit.worth import Trial, Worth, drop_alike

QUICK = Trial(draws=2, resamples=100, seed=0)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(model, "TREES", 10)


def of_patients(folder: Path, known: str, seed: int = 0) -> Worth:
    """What a table of 150 patients with four rows each gives, half of them tested.

    Five columns are of the patient alone, so that each can be recognised. The label is of the patient, or of the row.
    """
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(150), 4)
    own = rng.normal(size=(150, 5))[patient] + rng.normal(0, 0.05, (600, 5))
    label = rng.integers(0, 2, 150)[patient] if known == "patient" else rng.integers(0, 2, 600)
    table = pd.DataFrame(own.round(4), columns=[f"measure{number}" for number in range(5)])
    table = table.assign(patient_id=patient + 1000, label=np.where(label == 1, "sick", "well"))
    table["split"] = np.tile(["train", "test"], 300)
    table.to_csv(folder / "table.csv", index=False)
    data = read_audited(Named(folder / "table.csv", "split"))
    return Worth(data, matrix_of(data), QUICK)


def test_patients_on_both_sides_are_worth_much_where_the_label_is_theirs(tmp_path):
    worth = of_patients(tmp_path, "patient")
    (flaw,) = [flaw for flaw in flaws_of(worth.data) if flaw.kind == "patient"]
    control, added = worth.of_flaw(flaw)
    assert control == pytest.approx(0.5, abs=0.1), "without a patient's other rows nothing predicts the label"
    assert added.low > 0.3
    assert worth.as_given().value > 0.9


def test_they_are_worth_nothing_where_the_label_is_drawn_for_each_row(tmp_path):
    added = []
    for seed in range(2):
        worth = of_patients(tmp_path, "row", seed)
        (flaw,) = [flaw for flaw in flaws_of(worth.data) if flaw.kind == "patient"]
        added.append(worth.of_flaw(flaw)[1].value)
    assert np.mean(added) == pytest.approx(0, abs=0.08)


def test_as_many_rows_of_each_class_are_dropped_in_whole_groups_where_they_fit():
    rng = np.random.default_rng(0)
    classes, groups = rng.integers(0, 3, 300), np.repeat(np.arange(100), 3)
    shares = groups < 20
    dropped = drop_alike(classes, groups, shares, rng)
    assert np.bincount(classes[dropped]).tolist() == np.bincount(classes[shares]).tolist()
    assert not (dropped & shares).any()
    whole = pd.Series(dropped).groupby(groups).mean()
    assert (whole == 1).sum() >= 12


def test_rows_that_share_something_are_dropped_where_no_others_are_left():
    classes, groups = np.array([0, 0, 0, 1, 1]), np.arange(5)
    shares = np.array([True, True, False, False, True])
    dropped = drop_alike(classes, groups, shares, np.random.default_rng(0))
    assert dropped[2] and dropped.sum() == 3 and classes[dropped].tolist().count(0) == 2


def test_scores_of_models_of_other_folds_are_not_compared():
    values, fold = np.array([[0.0], [1], [0], [1]]), np.array([0, 0, 1, 1])
    scores = np.array([[0.1], [0.2], [0.8], [0.9]])
    assert within_folds(values, scores, fold, np.ones((1, 4))).tolist() == [[1.0]]
    assert within_folds(values, scores, np.zeros(4), np.ones((1, 4))).tolist() == [[0.75]]


def test_few_groups_have_no_interval_and_nothing_is_concluded():
    values, scores = np.tile([[0.0], [1.0]], (50, 1)), np.tile([[0.0], [1.0]], (50, 1))
    few = Resampled(values, np.zeros(100), np.arange(100) // 10, 100, 0)
    assert np.isnan(few.aurocs(scores)[0].low)
    assert word(few.difference(scores[None], 1 - scores[None])[1]) == "inconclusive"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.01, 0.05, "better"), (-0.05, -0.01, "worse"), (-0.01, 0.015, "equivalent"), (-0.01, 0.05, "inconclusive")],
)
def test_an_interval_is_put_in_one_of_four_words(low, high, said):
    assert word(Estimate((low + high) / 2, low, high)) == said

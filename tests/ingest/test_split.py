import numpy as np
import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.ingest.split import assign_folds, assign_validation, check_rejected, positions
from lungfuse.settings import SplitSettings
from lungfuse.tables import rejected_table


@pytest.fixture
def candidates():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"group": rng.integers(0, 120, 200), "label": rng.integers(0, 2, 200), "site": ""})


def test_no_group_is_in_two_folds_and_labels_are_even(candidates):
    candidates["fold"] = assign_folds(candidates, folds=5, seed=0)
    assert candidates.groupby("group")["fold"].nunique().max() == 1
    assert set(candidates["fold"]) == set(range(5))
    shares = candidates.groupby("fold")["label"].mean()
    assert (shares - candidates["label"].mean()).abs().max() < 0.05


def test_every_hospital_is_spread_over_all_folds():
    candidates = pd.DataFrame({"group": np.arange(100), "label": np.arange(100) % 2, "site": ["a"] * 80 + ["b"] * 20})
    candidates["fold"] = assign_folds(candidates, folds=5, seed=0)
    counts = candidates.groupby(["fold", "site", "label"]).size()
    assert set(counts.xs("a", level="site")) == {8}
    assert set(counts.xs("b", level="site")) == {2}


def test_the_seed_decides(candidates):
    assert assign_folds(candidates, 5, seed=1).equals(assign_folds(candidates, 5, seed=1))
    assert not assign_folds(candidates, 5, seed=1).equals(assign_folds(candidates, 5, seed=2))


def test_each_fold_is_validated_on_pairs_of_the_other_folds_that_share_no_group_with_what_is_learned(candidates):
    pairs = candidates.assign(pair_id=[f"P{n}" for n in range(200)], fold=assign_folds(candidates, 5, seed=0))
    validation = assign_validation(pairs, SplitSettings(folds=5, validation=0.2), seed=0)
    for fold in range(5):
        learn, validate, test = (pairs.iloc[part] for part in positions(pairs, validation, fold))
        assert len(learn) + len(validate) + len(test) == 200
        assert set(test["fold"]) == {fold}
        groups = [set(part["group"]) for part in [learn, validate, test]]
        assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
        assert len(validate) == pytest.approx(0.2 * (200 - len(test)), abs=8)
        assert validate["label"].mean() == pytest.approx(learn["label"].mean(), abs=0.1)


def test_validation_pairs_of_one_class_are_told():
    pairs = pd.DataFrame({"group": range(40), "label": [1, 1, *[0] * 38], "fold": [0, 1] * 20, "site": ""})
    pairs["pair_id"] = pairs["group"].astype(str)
    with pytest.raises(
        UserError, match=r"split\.validation: found 0\.2, but in fold 0 the \d+ pairs to \w+ \w+ are of one"
    ):
        assign_validation(pairs, SplitSettings(folds=2, validation=0.2), seed=0)


def test_too_few_groups_are_told():
    candidates = pd.DataFrame({"group": [0, 1, 2, 3, 4, 5], "label": [0, 0, 0, 0, 1, 1], "site": ""})
    with pytest.raises(UserError, match=r"split\.folds: found 3, but label 1 has 2 groups"):
        assign_folds(candidates, 3, seed=0)


def test_too_many_rejected_reports_stop_the_run(tmp_path):
    steps = pd.Series({"reports": 90})
    rejected = rejected_table([("report", str(number), "bad") for number in range(10)])
    check_rejected(steps, rejected, 0.10, tmp_path / "rejected.csv")
    with pytest.raises(UserError, match=r"rejected\.csv: 10 of 100 reports cannot be used \(10\.0%, allowed 9\.0%\)"):
        check_rejected(steps, rejected, 0.09, tmp_path / "rejected.csv")


def test_too_many_missing_images_stop_the_run(tmp_path):
    steps = pd.Series({"reports": 100, "with findings": 50, "with a readable image": 40})
    with pytest.raises(UserError, match=r"10 of 50 pairs have no readable image \(20\.0%, allowed 5\.0%\)"):
        check_rejected(steps, rejected_table([]), 0.05, tmp_path / "rejected.csv")

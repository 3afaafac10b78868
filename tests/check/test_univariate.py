"""What one thing predicts by itself."""

import numpy as np
import pandas as pd
import pytest
from small_check import labels, outcome

from lungfuse.check.univariate import FOLDS, Outcomes, outcomes_of, pure_words, ranks_of, score_column, univariate_auroc

RNG = np.random.default_rng(0)


def each_alone(count: int) -> pd.Series:
    return pd.Series(np.arange(count))


def test_a_column_that_copies_the_label_reaches_1_and_noise_one_half():
    known = labels(400)
    copy, noise = pd.Series(np.where(known == 1, "yes", "no")), pd.Series(RNG.choice(list("abc"), 400))
    assert univariate_auroc(copy, "category", outcome(known), each_alone(400)) == 1
    assert univariate_auroc(noise, "category", outcome(known), each_alone(400)) == pytest.approx(0.5, abs=0.08)


def test_a_number_is_scored_by_its_order_and_by_where_it_lies():
    known = labels(2000)
    age = pd.Series((50 + 10 * known + RNG.normal(0, 10, 2000)).round(1).astype(str))
    assert univariate_auroc(age, "number", outcome(known), each_alone(2000)) == pytest.approx(0.76, abs=0.03)
    extreme = pd.Series(np.where(known == 1, RNG.choice([-9, 9], 2000), 0) + RNG.normal(0, 1, 2000)).astype(str)
    assert univariate_auroc(extreme, "number", outcome(known), each_alone(2000)) > 0.95, "both ends are sick"


def test_a_name_that_no_other_group_bears_predicts_nothing():
    known = np.repeat(labels(100), 4)
    patients = pd.Series(np.repeat(np.arange(100), 4))
    names = "P" + patients.astype(str)
    assert univariate_auroc(names, "category", outcome(known), patients) == pytest.approx(0.5, abs=0.02)
    assert univariate_auroc(names, "category", outcome(known), each_alone(400)) > 0.9, "as if each case were a patient"


def test_that_something_is_missing_counts_as_a_word():
    known = labels(400)
    lab = pd.Series(np.where(known == 1, "5.0", ""))
    assert univariate_auroc(lab, "number", outcome(known), each_alone(400)) == 1


def test_unknown_labels_take_no_part_and_one_class_has_no_score():
    known = outcome(labels(100))
    copy = known.copy()
    assert univariate_auroc(copy, "category", known.mask(known.index < 20, ""), each_alone(100)) == 1
    assert np.isnan(univariate_auroc(copy, "category", pd.Series(["sick"] * 100), each_alone(100)))


def test_of_many_classes_the_mean_is_scored_and_the_one_predicted_best_is_named():
    classes = pd.Series(RNG.choice(["a", "b", "c"], 600))
    tells_a = pd.Series(np.where(classes == "a", "yes", "no"))
    score = score_column(tells_a, "category", outcomes_of(classes, each_alone(600)))
    assert score.best() == ("a", 1)
    assert 0.6 < score.mean < 0.9


def test_chance_in_few_cases_is_not_taken_for_something_predicted():
    known, word = outcome(labels(12)), pd.Series(list("abcabcabcabc"))
    for seed in range(20):
        mixed = word.sample(frac=1, random_state=seed, ignore_index=True)
        assert score_column(mixed, "category", outcomes_of(known, each_alone(12))).best()[1] == 0.5


def test_each_label_has_its_own_known_cases():
    values = np.array([[1, np.nan], [0, 1], [1, 0], [0, np.nan]] * 50)
    both = Outcomes(values, ["first", "second"], np.arange(200), exclusive=False)
    score = score_column(pd.Series(["yes", "no", "yes", "no"] * 50), "category", both)
    assert score.n.tolist() == [200, 100]
    assert score.auroc.tolist() == [1, 1]


def test_folds_keep_groups_whole_and_spread_classes():
    groups, known = np.repeat(np.arange(100), 3), np.repeat(labels(100), 3)
    outcomes = outcomes_of(outcome(known), pd.Series(groups))
    table = pd.DataFrame({"group": groups, "fold": outcomes.fold, "label": known})
    assert table.groupby("group")["fold"].nunique().max() == 1
    assert table.groupby(["fold", "label"]).size().between(24, 36).all()
    assert set(table["fold"]) == set(range(FOLDS))


def test_a_word_of_one_class_alone_is_found_where_chance_does_not_explain_it():
    known = pd.Series(["nv"] * 200 + ["mel"] * 100)
    how = pd.Series(["follow_up"] * 80 + ["histo"] * 218 + ["expert"] * 2)
    (found,) = pure_words(how, known)
    assert found == ("follow_up", "nv", 80)
    assert pure_words(how, known, pd.Series([0] * 80 + list(range(1, 221)))) == [], "all 80 are of one lesion"
    assert pure_words(how, pd.Series(["nv"] * 300)) == []


def test_equal_numbers_share_a_rank():
    assert ranks_of(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1, 3.5, 2]

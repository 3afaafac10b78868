from pathlib import Path

import pandas as pd
import pytest
from model_configs import model_config
from small_comparison import BINARY, results_of

from lungfuse.compare.compare import compare
from lungfuse.compare.scores import join_predictions
from lungfuse.errors import UserError


def test_a_row_a_model_with_scores_test_and_published_figure(table):
    assert list(table["accuracy"]) == [0.5, 0.95, 0.525]
    assert (table["accuracy_low"] <= table["accuracy"]).all()
    assert (table["accuracy"] <= table["accuracy_high"]).all()
    assert table["published_accuracy"].fillna(0).tolist() == [0, 0.88, 0]


def test_predictions_are_joined_by_id_not_by_position(pairs, predictions):
    shuffled = predictions(4).sample(frac=1, random_state=0)
    joined = join_predictions(BINARY, pairs, shuffled, Path("p.csv"))
    assert list(joined["pair_id"]) == list(pairs["pair_id"])
    assert (joined["label"] == joined["prediction"]).mean() == 0.95


@pytest.mark.parametrize(
    "spoil",
    [
        lambda frame: frame[1:],
        lambda frame: frame.assign(fold=0),
        lambda frame: frame.assign(label=1 - frame["label"]),
        lambda frame: pd.concat([frame, frame[:1].assign(pair_id="stranger")]),
    ],
)
def test_predictions_of_another_split_are_refused(pairs, predictions, spoil):
    with pytest.raises(UserError, match=r"p\.csv: .* expected one prediction a pair"):
        join_predictions(BINARY, pairs, spoil(predictions(4)), Path("p.csv"))


def test_each_repeat_is_joined_by_the_folds_that_were_drawn_for_it(pairs, predictions):
    second = pairs.assign(fold=(pairs["fold"] + 1) % 4, repeat=1)
    folds = pd.concat([pairs.assign(repeat=0), second])
    found = pd.concat([predictions(4), predictions(8).assign(fold=second["fold"], repeat=1)])
    joined = join_predictions(BINARY, pairs, found, Path("p.csv"), folds)
    assert joined["fold"].tolist() == folds["fold"].tolist() and joined["repeat"].tolist() == [0] * 80 + [1] * 80
    with pytest.raises(UserError, match=r"p\.csv: 80 pairs have no prediction and 80 predictions no pair"):
        join_predictions(BINARY, pairs, found.assign(fold=[*pairs["fold"]] * 2), Path("p.csv"), folds)


FUSED = {
    "findings": model_config("tfidf", text="findings"),
    "indication": model_config("tfidf", text="indication"),
    "image": model_config("image", images="raw"),
    "early": model_config("early", images="raw", text="indication"),
    "joint": model_config("joint", images="raw", text="findings"),
    "shuffled": model_config("joint", images="raw", text="findings", ablation="shuffled-text"),
}


def test_a_model_is_held_against_the_part_over_which_it_gains_least(pairs, predictions, settings):
    """Findings, which predict more, are no part of an image and an indication."""
    joined = [join_predictions(BINARY, pairs, predictions(wrong), Path("p.csv")) for wrong in [10, 50, 30, 5, 5, 5]]
    table = compare(results_of(FUSED, joined), settings, seed=0)
    assert table["reference"].tolist() == ["", "", "", "image", "findings", ""]
    assert table["p_vs_best_unimodal"].notna().tolist() == [False, False, False, True, True, False]
    assert (table["p_corrected"].dropna() >= table["p_vs_best_unimodal"].dropna() - 0.005).all()


def test_with_few_groups_there_is_no_p(pairs, predictions, settings):
    few = pairs.assign(group=pairs["fold"])
    joined = [join_predictions(BINARY, few, predictions(wrong), Path("p.csv")) for wrong in [10, 50, 30, 5, 5, 5]]
    table = compare(results_of(FUSED, joined), settings, seed=0)
    assert table["reference"].tolist() == ["", "", "", "image", "findings", ""]
    assert table["p_corrected"].isna().all()


def test_repeats_are_scored_apart_and_widen_the_interval(pairs, predictions, settings):
    once = join_predictions(BINARY, pairs, predictions(20), Path("p.csv"))
    trainings = [predictions(wrong).assign(repeat=repeat) for repeat, wrong in enumerate([5, 20, 35])]
    three = join_predictions(BINARY, pairs, pd.concat(trainings).sample(frac=1, random_state=0), Path("p.csv"))
    models = {"once": FUSED["findings"], "three": FUSED["indication"]}
    table = compare(results_of(models, [once, three]), settings, seed=0)
    assert table["n"].tolist() == [80, 80] and table["repeats"].tolist() == [1, 3]
    assert table["accuracy"].tolist() == [0.75, 0.75]
    widths = table["accuracy_high"] - table["accuracy_low"]
    assert widths[1] > 1.2 * widths[0], "trainings differ by more than groups do"

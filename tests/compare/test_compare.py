from pathlib import Path

import pandas as pd
import pytest
from model_configs import model_config
from small_comparison import BINARY, results_of

from lungfuse.compare.compare import compare
from lungfuse.compare.reference import reference
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


FUSED = [
    model_config("tfidf", text="findings"),
    model_config("tfidf", text="indication"),
    model_config("image", images="raw"),
    model_config("early", images="raw", text="indication"),
    model_config("joint", images="raw", text="findings"),
    model_config("joint", images="raw", text="findings", ablation="shuffled-text"),
]


def test_a_row_is_held_against_the_best_of_those_that_read_a_part_of_its_inputs():
    """Best on validation pairs; findings, which tell more, are no part of an image and an indication."""
    held_against = [reference(row, FUSED, [0.9, 0.6, 0.7, 0.8, 0.9, 0.5]) for row in FUSED]
    assert held_against == [None, None, None, 2, 0, None]


def test_the_reference_is_not_chosen_by_the_scores_it_is_tested_on(pairs, predictions, settings):
    joined = [join_predictions(BINARY, pairs, predictions(wrong), Path("p.csv")) for wrong in [10, 50, 30, 5, 5, 5]]
    names = ["findings", "indication", "image", "early", "joint", "shuffled"]
    models = dict(zip(names, FUSED, strict=True))
    table = compare(results_of(models, joined, [0.6, 0.9, 0.7, 0.5, 0.5, 0.5]), settings, seed=0)
    assert table["reference"].tolist() == ["", "", "", "indication", "image", ""]
    assert table["p_vs_best_unimodal"].notna().tolist() == [False, False, False, True, True, False]
    assert (table["p_corrected"].dropna() >= table["p_vs_best_unimodal"].dropna()).all()


def test_repeats_are_scored_apart_and_widen_the_interval(pairs, predictions, settings):
    once = join_predictions(BINARY, pairs, predictions(20), Path("p.csv"))
    trainings = [predictions(wrong).assign(repeat=repeat) for repeat, wrong in enumerate([5, 20, 35])]
    three = join_predictions(BINARY, pairs, pd.concat(trainings).sample(frac=1, random_state=0), Path("p.csv"))
    models = {"once": FUSED[0], "three": FUSED[1]}
    table = compare(results_of(models, [once, three], [0.5, 0.5]), settings, seed=0)
    assert table["n"].tolist() == [80, 80] and table["repeats"].tolist() == [1, 3]
    assert table["accuracy"].tolist() == [0.75, 0.75]
    widths = table["accuracy_high"] - table["accuracy_low"]
    assert widths[1] > 1.2 * widths[0], "trainings differ by more than groups do"

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungfuse.compare.compare import join_predictions, render
from lungfuse.errors import UserError


def test_a_row_a_model_with_scores_test_and_published_figure(table):
    assert list(table["accuracy"]) == [0.5, 0.95, 0.525]
    assert (table["accuracy_low"] <= table["accuracy"]).all()
    assert (table["accuracy"] <= table["accuracy_high"]).all()
    assert np.isnan(table["p_vs_best_unimodal"][1])
    assert (table["p_vs_best_unimodal"][[0, 2]] < 0.05).all()
    assert table["published_accuracy"].fillna(0).tolist() == [0, 0.88, 0]


def test_predictions_are_joined_by_id_not_by_position(pairs, predictions):
    shuffled = predictions(4).sample(frac=1, random_state=0)
    joined = join_predictions(pairs, shuffled, Path("p.csv"))
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
        join_predictions(pairs, spoil(predictions(4)), Path("p.csv"))


def test_the_page_carries_the_notice_and_the_published_figures(table, pairs, settings):
    page = render(table, pairs, "demo", "drawn images, not patients", settings)
    assert "**drawn images, not patients**" in page
    assert "| tfidf    |          | findings   | 0.950 (" in page
    assert "reference" in page
    assert "78 reports" in page


def test_the_page_says_what_is_held_apart_and_how_rows_do_on_texts_of_their_own(table, pairs, settings):
    page = render(table, pairs, "demo", "", settings)
    assert "Held apart: pairs of a patient." in page
    assert "80 findings texts stand word for word in a training fold" in page
    assert "(0)" in page and f"0.525 (80, {pairs['label'].sum()})" in page

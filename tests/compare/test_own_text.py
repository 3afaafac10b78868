import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from small_comparison import results_of

from lungfuse.compare.own_text import has_own_text, held_apart, with_own_text


@pytest.fixture
def pairs():
    """Two folds of four pairs: one indication stands in both, one twice in a fold, one is empty."""
    said = ["Chest pain.", "Cough", "cough", "", "CHEST  pain", "Fever", "Dyspnea", "Fall"]
    frame = pd.DataFrame({"fold": [0, 0, 0, 0, 1, 1, 1, 1], "label": [1, 0, 1, 1, 1, 1, 0, 1]})
    frame["prediction"] = frame["label"] ^ np.array([1, 0, 1, 0, 1, 0, 0, 0])
    frame["score"] = frame["prediction"] * 0.8 + 0.1
    frame["repeat"], frame["group"] = 0, np.arange(8)
    return frame.assign(
        text=[f"finding {n}" for n in range(8)], indication=said, impression="", comparison="", site=""
    ).assign(findings=lambda frame: frame["text"])


def test_a_text_is_a_pairs_own_where_no_other_fold_has_it(pairs):
    assert has_own_text(pairs, "indication").tolist() == [False, True, True, False, False, True, True, True]


def test_a_text_of_a_models_own_is_in_one_fold_in_each_of_its_repeats(pairs):
    """The two coughs stay together in the first repeat alone."""
    again = pairs.assign(repeat=1, fold=[0, 0, 1, 1, 1, 1, 0, 0])
    models = {name: model_config("text", text="indication") for name in ["once", "twice"]}
    results = results_of(models, [pairs, pd.concat([pairs, again], ignore_index=True)], pairs=pairs)
    assert with_own_text(results.named, results)["n_own_text"].tolist() == [5, 3]


def test_rows_that_read_text_are_scored_on_the_pairs_with_a_text_of_their_own(pairs):
    models = [
        model_config("image", images="raw"),
        model_config("text", text="indication"),
        model_config("early", images="raw", text="findings"),
        model_config("early", images="raw", text="findings", ablation="shuffled-text"),
        model_config("tfidf", text="impression"),
    ]
    results = results_of({str(n): model for n, model in enumerate(models)}, [pairs] * len(models), pairs=pairs)
    table = with_own_text(results.named, results)
    assert table["n_own_text"].fillna(-1).tolist() == [-1, 5, 8, -1, 0]
    assert table["positives_own_text"].fillna(-1).tolist() == [-1, 3, 6, -1, 0]
    np.testing.assert_allclose(table["accuracy_own_text"], [np.nan, 0.8, 0.625, np.nan, np.nan])


def test_what_is_held_apart_is_said_with_the_texts_that_are_not(pairs):
    said = held_apart(pairs, pd.Series(["", "findings", "indication"]))
    assert said.startswith("Held apart: pairs of a patient, and pairs with the same findings.")
    assert "Of 8, 2 indication texts also occur word for word in a training fold" in said
    without_text = pairs.assign(text="", findings="")
    assert held_apart(without_text, pd.Series(["", ""])) == "Held apart: pairs of a patient."


def test_a_split_by_site_says_that_sites_are_held_apart(pairs):
    by_site = pairs.assign(site=["Here"] * 4 + ["There"] * 4)
    assert "sites, each of which is a fold" in held_apart(by_site, pd.Series([""]))
    for other in [pairs, by_site.assign(fold=[0, 1] * 4), by_site.assign(site="Here")]:
        assert "sites" not in held_apart(other, pd.Series([""]))

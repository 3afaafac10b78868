"""Labels that were turned on purpose are suggested, and few others."""

import numpy as np
import pytest
from drawn_scores import compared, predicted
from model_configs import model_config
from small_comparison import results_of

from lungfuse.analyses.label_errors import MOST, compute, suggestions
from lungfuse.models.naming import sources_of

TURNED = ["P3", "P50", "P51", "P120"]


def test_turned_labels_come_first():
    joined = [predicted(300, noise=0.2 * n, repeats=1 + n % 2) for n in range(3)]
    for frame in joined:
        turned = frame["pair_id"].isin(TURNED)
        plain = np.where(frame["label"] == 1, 0.995, 0.005)
        frame["probability"] = frame["probability"].where(~turned, plain)
        frame["label"] = frame["label"].where(~turned, 1 - frame["label"])
    table = compute(compared(joined))
    assert set(table["pair_id"][:4]) == set(TURNED)
    assert (table["agree"][:4] == 3).all() and (table["models"] == 3).all()
    assert (table["suggested"] != table["label"]).all() and table["self_confidence"][:4].max() < 0.2


def test_what_one_model_doubts_is_not_listed_and_the_list_is_short():
    certain = predicted(300).assign(probability=lambda frame: np.where(frame["label"] == 1, 0.9, 0.1))
    assert compute(compared([predicted(300, noise=3), certain, certain])).empty
    noisy = predicted(600, noise=3)
    assert len(compute(compared([noisy, noisy]))) == MOST


def test_models_with_an_input_taken_away_have_no_say():
    models = {
        "image": model_config("image", images="raw"),
        "early": model_config("early", images="raw", text="findings"),
        "shuffled": model_config("early", images="raw", text="findings", ablation="shuffled-image"),
        "majority": model_config("majority"),
    }
    assert not sources_of(models["majority"])
    joined = predicted(200, noise=1)
    assert set(compute(compared([joined] * 4, models))["models"]) == {2}


def test_the_likeliest_class_that_reaches_its_own_mean_is_suggested():
    classes = np.array([0, 0, 0, 1, 1, 2, 2])
    probabilities = np.array(
        [
            [0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.1, 0.55, 0.35], [0.1, 0.7, 0.2], [0.2, 0.4, 0.4],
            [0.1, 0.1, 0.8], [0.6, 0.3, 0.1],
        ]
    )  # fmt: skip
    assert suggestions(classes, probabilities).tolist() == [-1, -1, 1, -1, -1, -1, 0]
    unsure = np.array([[0.1, 0.9], [0.1, 0.9], [0.45, 0.55], [0.5, 0.5], [0.5, 0.5]])
    found = suggestions(np.array([0, 0, 0, 1, 1]), unsure).tolist()
    assert found == [1, 1, -1, -1, -1], "the third has more than the mean of its own class"
    assert suggestions(np.zeros(7, int), probabilities).tolist() == [-1] * 7, "no class to suggest"


@pytest.mark.parametrize("name", ["multiclass", "multilabel"])
def test_classes_and_labels_are_named(draw, name):
    drawn = draw(name)
    joined = [drawn.joined(0.5, seed) for seed in range(2)]
    for frame in joined:
        frame.loc[0, drawn.task.columns("label")[0]] = 0
        frame.loc[0, drawn.task.columns("probability")] = (
            [0.01, 0.98, 0.01] if name == "multiclass" else [0.99, 0.5, 0.5]
        )
    models = {f"image{n}": model_config("image", images="raw") for n in range(2)}
    found = compute(results_of(models, joined, task=drawn.task)).set_index("pair_id").loc["P0"]
    names = {"multiclass": ["clear", "effusion"], "multilabel": ["no clear", "clear"]}
    assert found[["label", "suggested"]].tolist() == names[name]

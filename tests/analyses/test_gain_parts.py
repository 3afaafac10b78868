import numpy as np
import pandas as pd
import pytest
from small_fusions import LABELS, drawn

from lungfuse.analyses.gain_parts import compute, draw
from lungfuse.settings.comparison import Intervals

INTERVALS = Intervals(confidence=0.95, resamples=400)
COUNT = 600
RNG = np.random.default_rng(1)
LABEL = RNG.integers(0, 2, (COUNT, 1))
SEEN = {name: 1.2 * LABEL - 0.6 + RNG.normal(size=(COUNT, 1)) for name in ["image", "text"]}


def parts(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[table["metric"] == metric].set_index("component")


@pytest.fixture(scope="module")
def two_labels() -> pd.DataFrame:
    """The image predicts an effusion, the text a nodule; the fusion takes the better for each."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (COUNT, 2))
    known = {"image": labels * [2.0, 0.0], "text": labels * [0.0, 1.5]}
    odds = {name: each + rng.normal(size=(COUNT, 2)) for name, each in known.items()}
    odds["early"] = np.column_stack([odds["image"][:, 0], odds["text"][:, 1]])
    validated = {"image": [0.9, 0.5], "text": [0.5, 0.8], "early": [0.9, 0.8]}
    return compute(drawn(odds, labels, LABELS, validated=validated, trainings=2), INTERVALS, {}, seed=0)


def test_a_fusion_that_takes_the_best_part_of_each_label_gains_by_switching_alone(two_labels):
    found = parts(two_labels, "auroc")
    assert found["value"]["gain"] == pytest.approx(found["value"]["switching"]) and found["value"]["gain"] > 0.1
    assert found["value"]["interaction"] == 0
    assert found["value_low"]["switching"] > 0.05 and found["p_corrected"]["switching"] < 0.01


def test_what_is_predicted_only_together_is_interaction_and_both_add_up():
    """Each label is predicted by whether the image and the text agree, as well as by either alone."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, (COUNT, 2))
    known = {name: labels + rng.normal(size=(COUNT, 2)) for name in ["image", "text"]}
    both = known | {"early": known["image"] + known["text"]}
    validated = {"image": [0.9, 0.5], "text": [0.5, 0.8], "early": [0.9, 0.8]}
    found = parts(compute(drawn(both, labels, LABELS, validated=validated), INTERVALS, {}, seed=0), "auroc")
    assert found["value"]["gain"] == pytest.approx(found["value"]["switching"] + found["value"]["interaction"])
    assert found["value_low"]["interaction"] > 0.03 > abs(found["value"]["switching"])


def test_one_label_is_not_switched():
    odds = SEEN | {"early": SEEN["image"] + SEEN["text"]}
    found = parts(compute(drawn(odds, LABEL), INTERVALS, {}, seed=0), "auroc")
    assert list(found.index) == ["gain"]


def test_a_moved_decision_is_no_gain_of_fusion():
    """The best part knows as much as the fusion, but its raw scores are so low that it calls nearly all normal."""
    odds = {"image": 2 * SEEN["image"] - 3, "text": SEEN["text"] * 0.5, "early": 2 * SEEN["image"]}
    found = compute(drawn(odds, LABEL, calibrated_by={"image": 3.0}), INTERVALS, {}, seed=0)
    assert parts(found, "auroc")["value"]["gain"] == 0
    of_accuracy = parts(found, "accuracy")["value"]
    assert of_accuracy["raw decisions"] > 0.1 and of_accuracy["re-thresholding"] == of_accuracy["raw decisions"]
    assert of_accuracy["calibrated decisions"] == 0
    assert parts(found, "balanced_accuracy")["value"]["calibrated decisions"] == 0


def test_too_few_groups_have_values_but_no_interval():
    odds = SEEN | {"early": SEEN["image"] + SEEN["text"]}
    found = compute(drawn(odds, LABEL, groups=np.arange(COUNT) % 15), INTERVALS, {}, seed=0)
    assert found["value"].notna().all() and found[["value_low", "value_high", "p"]].isna().all(axis=None)


def test_the_figure_has_a_line_for_each_component(two_labels):
    assert len(draw(two_labels, "small study").axes[0].get_yticklabels()) == len(two_labels)

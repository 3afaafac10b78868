import numpy as np
import pandas as pd
import pytest
from small_fusions import CLASSES, LABELS, drawn

from lungfuse.analyses.gain_by_subgroup import compute, draw
from lungfuse.settings.comparison import Intervals

INTERVALS = Intervals(confidence=0.95, resamples=400)
COUNT = 900


def odds_where(helps: np.ndarray, seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels, and an image and a fusion of it with a text that predicts something in some of the cases only."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, (COUNT, 1))
    image = 1.2 * (label - 0.5) + rng.normal(size=(COUNT, 1))
    text = 1.5 * (label - 0.5) * helps[:, None] + rng.normal(size=(COUNT, 1))
    return label, {"image": image, "text": text, "early": np.where(helps[:, None], image + text, image)}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """The text predicts something of women alone; sites differ in nothing, and of ages few are known to be young."""
    rng = np.random.default_rng(5)
    sex, age = rng.choice(["F", "M"], COUNT), np.where(np.arange(COUNT) < 15, 30, rng.integers(41, 90, COUNT))
    label, odds = odds_where(sex == "F")
    known = {"sex": sex, "age": np.where(np.arange(COUNT) % 9 == 8, "", age.astype(str))}
    return compute(drawn(odds, label, site=rng.choice(["north", "south"], COUNT), **known), INTERVALS, {}, {}, seed=0)


def of(table: pd.DataFrame, by: str) -> pd.DataFrame:
    return table[table["by"] == by].set_index("subgroup")


def test_a_gain_is_found_in_those_whom_fusion_helps(table):
    sex = of(table, "sex")
    assert sex["value_low"]["F"] > 0.05 and sex["p_corrected"]["F"] < 0.01
    assert sex["value"]["M"] == 0
    assert sex["p"]["F"] < sex["p_corrected"]["F"]
    assert sex["n"].sum() == COUNT


def test_subgroups_are_classes_sites_and_bands_of_age_where_it_is_known(table):
    assert table["by"].unique().tolist() == ["class", "sex", "age", "site"]
    assert list(of(table, "class").index) == ["normal", "lung"] and set(of(table, "class")["metric"]) == {"recall"}
    assert list(of(table, "site").index) == ["north", "south"]
    age = of(table, "age")
    assert list(age.index) == ["0-40", "40-60", "60-120"] and age["n"].sum() == COUNT - COUNT // 9
    assert age.loc["0-40", ["value_low", "p_corrected"]].isna().all(), "there are fewer than 20"
    assert age.loc["40-60", ["value_low", "p_corrected"]].notna().all()


def test_a_moved_decision_gains_in_one_class_what_it_loses_in_another():
    label, odds = odds_where(np.zeros(COUNT, bool))
    found = of(compute(drawn(odds, label, calibrated_by={"early": 1.0}), INTERVALS, {}, {}, seed=0), "class")
    assert found["value_low"]["lung"] > 0.05 and found["value_high"]["normal"] < -0.05


def test_a_subgroup_of_one_class_has_no_gain():
    label, odds = odds_where(np.ones(COUNT, bool))
    site = np.where((label[:, 0] == 1) & (np.arange(COUNT) < 300), "clinic", "practice")
    found = of(compute(drawn(odds, label, site=site), INTERVALS, {}, {}, seed=0), "site")
    assert found.loc["clinic", ["value", "value_low", "p_corrected"]].isna().all()
    assert found["value_low"]["practice"] > 0


@pytest.mark.parametrize("task", [LABELS, CLASSES], ids=["labels", "classes"])
def test_each_label_and_each_class_against_the_rest_has_a_row(task):
    rng, count = np.random.default_rng(0), len(task.labels)
    labels = rng.integers(0, 2, (COUNT, 2)) if task is LABELS else rng.integers(0, 3, (COUNT, 1))
    said = 1.0 * labels if task is LABELS else 1.0 * (labels == np.arange(3))
    odds = {name: said + rng.normal(size=(COUNT, count)) for name in ["image", "text"]}
    odds["early"] = odds["image"].copy()
    odds["early"][:, -1] += odds["text"][:, -1]
    found = compute(drawn(odds, labels, task), INTERVALS, {}, {}, seed=0)
    by = of(found[found["metric"] == "auroc"], "label" if task is LABELS else "class")
    assert list(by.index) == task.labels
    assert by["value_low"][task.labels[-1]] > 0
    if task is LABELS:
        assert by["value"][task.labels[0]] == pytest.approx(0, abs=0.03)


def test_subgroups_may_be_named_and_columns_that_are_not_there_are_left_out():
    label, odds = odds_where(np.ones(COUNT, bool))
    smokes = np.where(np.arange(COUNT) % 3 == 0, "yes", "no")
    found = compute(drawn(odds, label, smokes=smokes), INTERVALS, {"smokes": [], "weight": [0, 70, 200]}, {}, seed=0)
    assert list(of(found, "smokes").index) == ["no", "yes"] and "weight" not in set(found["by"])


def test_the_figure_has_a_line_for_each_subgroup(table):
    assert len(draw(table, "small study").axes[0].get_yticklabels()) == len(table)

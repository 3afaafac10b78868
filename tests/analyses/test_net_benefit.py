"""Decision curves of fusions against the best of their parts."""

import numpy as np
import pytest
from drawn_scores import HALF, INTERVALS, compared, predicted
from model_configs import model_config

from lungfuse.analyses.net_benefit import THRESHOLDS, compute, draw
from lungfuse.settings.comparison import DecisionSettings
from lungfuse.statistics.decisions import decision_quantities, net_benefit

MODELS = {
    "image": model_config("image", images="raw"),
    "text": model_config("text", text="findings"),
    "early": model_config("early", images="raw", text="findings"),
    "joint": model_config("joint", images="raw", text="findings"),
    "shuffled": model_config("joint", images="raw", text="findings", ablation="shuffled-image"),
}


@pytest.fixture(scope="module")
def results():
    text = predicted(600, noise=3, sharpness=0.2)
    return compared([predicted(600, noise=3, sharpness=0.2, repeats=2), text, predicted(600), text, text], MODELS)


@pytest.fixture(scope="module")
def table(results):
    return compute(results, INTERVALS, 0, HALF).set_index(["row", "threshold"])


def test_net_benefit_is_that_of_the_formula(results, table):
    early = results.joined[2]
    for threshold in THRESHOLDS:
        called, positive = early["probability"] >= threshold, early["label"] == 1
        true, false = (called & positive).sum() / 600, (called & ~positive).sum() / 600
        by_hand = true - false * threshold / (1 - threshold)
        row = table.loc[("early", threshold)]
        assert row["net_benefit"] == pytest.approx(by_hand, abs=1e-4)
        treat_all = positive.mean() - (~positive).mean() * threshold / (1 - threshold)
        assert row["net_benefit_all"] == pytest.approx(treat_all, abs=1e-4)
        assert row["difference"] == pytest.approx(row["net_benefit"] - row["net_benefit_part"], abs=2e-4)
        assert row["prevalence"] == pytest.approx(positive.mean(), abs=1e-4)


def test_each_fusion_is_held_against_the_part_that_validation_pairs_choose(table):
    assert set(table["part"]) == {"text"} and set(table.index.get_level_values("row")) == {"early", "joint"}


def test_a_fusion_that_knows_more_gains_and_one_that_knows_the_same_does_not(table):
    assert table.loc[("early", 0.3), "difference_low"] > 0
    assert (table.loc["joint", ["difference", "difference_low", "difference_high"]] == 0).all(axis=None)


def test_the_threshold_of_the_costs_is_among_them_and_the_prevalence_is_the_stated_one(results):
    decision = DecisionSettings(cost_ratio=9.0, prevalence=0.1)
    table = compute(results, INTERVALS, 0, decision).set_index(["row", "threshold"])
    assert (table["prevalence"] == 0.1).all() and table.loc[("early", 0.1), "net_benefit_all"] == 0
    odd = compute(results, INTERVALS, 0, DecisionSettings(cost_ratio=1.5, prevalence=None))
    assert sorted(set(odd["threshold"])) == [0.05, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_a_prevalence_weighs_both_rates():
    labels, called = np.array([1, 1, 0, 0, 0, 0]), np.array([1, 0, 1, 0, 0, 0])
    sums = decision_quantities(labels, called).sum(axis=0)
    assert net_benefit(sums, 0.2) == pytest.approx(1 / 6 - 1 / 6 / 4)
    assert net_benefit(sums, 0.2, stated=0.5) == pytest.approx(0.5 * 0.5 - 0.5 * 0.25 / 4)


def test_the_figure_has_both_curves_of_each_fusion(results, table):
    panels = draw(table.reset_index(), results, HALF, "drawn").axes
    assert [panel.get_title(loc="left") for panel in panels[::2]] == [
        "early against text: lung", "joint against text: lung"
    ]  # fmt: skip
    assert [len(panel.lines) for panel in panels[::2]] == [4, 4]

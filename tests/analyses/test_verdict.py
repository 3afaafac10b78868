import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from small_comparison import results_of

from lungfuse.analyses.verdict import cases_needed, compute
from lungfuse.models.contrasts import fused_inputs
from lungfuse.settings.comparison import Intervals

INTERVALS = Intervals(confidence=0.95, resamples=400)
MODELS = {
    "image": model_config("image", images="raw"),
    "text": model_config("text", text="findings"),
    "other_text": model_config("text", text="impression"),
    "early": model_config("early", images="raw", text="findings"),
    "joint": model_config("joint", images="raw", text="findings"),
    "shuffled": model_config("joint", images="raw", text="findings", ablation="shuffled-image"),
    "pair_of_texts": model_config("early", images="raw", text="impression"),
}
VALIDATED = {"image": 0.7, "text": 0.8, "other_text": 0.6, "early": 0.9, "joint": 0.85, "shuffled": 1.0}
VALIDATED |= {"pair_of_texts": 0.7}


def predicted(correct: float, seed: int, count: int = 600) -> pd.DataFrame:
    """Predictions of cases, each a group of its own, of which about the share `correct` is right."""
    labels = np.arange(count) % 2
    correct = np.random.default_rng(seed).random(count) < correct
    score = np.where(correct == labels, 0.9, 0.1)
    table = pd.DataFrame({"label": labels, "score": score, "prediction": (score > 0.5).astype(int)})
    return table.assign(group=np.arange(count), repeat=0, fold=0)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    shares = {"image": 0.7, "text": 0.8, "other_text": 0.7, "early": 0.95, "joint": 0.99, "shuffled": 1.0}
    shares |= {"pair_of_texts": 0.7}
    joined = [predicted(shares[name], seed) for seed, name in enumerate(MODELS)]
    results = results_of(MODELS, joined, [VALIDATED[name] for name in MODELS])
    return compute(results, INTERVALS, seed=0).set_index("inputs")


def test_a_set_of_inputs_has_one_row(table):
    assert list(table.index) == ["image + findings", "image + impression"]
    assert len(fused_inputs([*MODELS.values()])) == 2


def test_the_best_of_each_is_chosen_on_validation_pairs_and_never_by_the_cases_it_is_measured_on(table):
    found = table.loc["image + findings"]
    assert (found["fusion"], found["part"]) == ("early", "text")  # though joint is right more often on these cases


def test_a_fusion_that_knows_more_gains_and_one_that_does_not_shows_nothing(table):
    assert table.loc["image + findings", "difference_low"] > 0.1
    assert table.loc["image + findings", "p_corrected"] < 0.02
    assert table.loc["image + impression", "p_corrected"] > 0.05
    assert table["p_corrected"].ge(table["p"]).all()


def test_the_cases_needed_follow_from_the_interval(table):
    found = table.loc["image + impression"]
    needed = found["cases_for_two_points"]
    error = (found["difference_high"] - found["difference_low"]) / (2 * 1.96)
    assert needed == pytest.approx(600 * (2.8 * error / 0.02) ** 2, rel=0.02)
    assert cases_needed(600, -0.02, 0.02, 0.95) == pytest.approx(4 * cases_needed(600, -0.01, 0.01, 0.95), abs=4)
    assert cases_needed(600, 0.0, 0.0, 0.95) is None

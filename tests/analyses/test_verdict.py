import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from scipy.special import expit
from small_comparison import results_of

from lungfuse.analyses.verdict import compute, draw
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


def predicted(strength: float, seed: int, count: int = 600, groups: int = 600, folds: int = 5) -> pd.DataFrame:
    """Predictions of cases in groups, of two trainings, that are the better the more `strength` they have."""
    labels, rng = np.arange(count) % 2, np.random.default_rng(seed)
    trainings = []
    for repeat in range(2):
        score = expit(strength * labels + rng.normal(size=count))
        table = pd.DataFrame(
            {"label": labels, "score": score, "prediction": (score > 0.5).astype(int), "repeat": repeat}
        ).assign(probability=score)
        trainings.append(table.assign(group=np.arange(count) % groups, fold=rng.permutation(np.arange(count) % folds)))
    return pd.concat(trainings)


KNOWN = {"text findings": "with_report", "text impression": "before_image"}
STRENGTHS = {"image": 0.7, "text": 1.5, "other_text": 0.7, "early": 4.0, "joint": 4.5, "shuffled": 9.0}
STRENGTHS |= {"pair_of_texts": 0.7}


def verdicts(
    strengths: dict[str, float], margin: float = 0.02, known: dict[str, str] | None = None, **drawn
) -> pd.DataFrame:
    joined = [predicted(strengths[name], seed, **drawn) for seed, name in enumerate(MODELS)]
    results = results_of(MODELS, joined, [VALIDATED[name] for name in MODELS])
    return compute(results, INTERVALS, margin, known or KNOWN, seed=0).set_index("inputs")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return verdicts(STRENGTHS)


def test_a_set_of_inputs_has_one_row(table):
    assert list(table.index) == ["image + findings", "image + impression"]
    assert len(fused_inputs([*MODELS.values()])) == 2
    assert table["parts"].tolist() == [2, 2] and table["tests"].tolist() == [2, 2]


def test_the_fusion_is_chosen_on_validation_pairs_and_never_by_the_cases_it_is_measured_on(table):
    found = table.loc["image + findings"]
    assert found["fusion"] == "early"  # though joint scores these cases better
    assert found["part"] == "text"


def test_a_fusion_is_chosen_fold_by_fold():
    results = results_of(MODELS, [predicted(STRENGTHS[name], seed) for seed, name in enumerate(MODELS)])
    results.scored.validated[3][:] = [0.9, 0.9, 0.9, 0.9, 0.1]
    results.scored.validated[4][:] = 0.8
    found = compute(results, INTERVALS, 0.02, KNOWN, seed=0).set_index("inputs").loc["image + findings"]
    assert found["fusion"] == "early 80%, joint 20%"


def test_a_fusion_that_knows_more_is_better_and_one_that_does_not_is_not(table):
    better, other = table.loc["image + findings"], table.loc["image + impression"]
    assert (better["word"], better["p_margin"]) == ("better", 1.0) and better["gain_low"] > 0.05
    assert other["word"] == "inconclusive" and other["gain_low"] < 0 < other["gain_high"]
    assert other["p_corrected"] > 0.05 > better["p_corrected"]


def test_the_word_follows_from_the_margin_and_says_worse_where_the_fusion_loses():
    assert verdicts(STRENGTHS, margin=0.3).loc["image + impression", "word"] == "equivalent"
    assert verdicts(STRENGTHS | {"early": 0.2}).loc["image + findings", "word"] == "worse"


def test_too_few_groups_have_no_interval_and_are_inconclusive():
    found = verdicts(STRENGTHS, groups=15).loc["image + findings"]
    assert (found["word"], found["effective_groups"], found["groups"]) == ("inconclusive", 15, 15)
    assert found[["gain_low", "gain_high", "p", "p_corrected", "cases_for_two_points"]].isna().all()


def test_parts_that_are_not_above_the_majority_are_named():
    found = verdicts(STRENGTHS | {"image": 0.0})
    assert found["not_above_majority"].tolist() == ["image", "image"]


def test_inputs_of_the_report_are_a_leak_check_and_those_after_the_outcome_have_no_verdict(table):
    assert table["leak_check"].tolist() == [True, False]
    assert table.loc["image + findings", "known"] == "image; findings with the report"
    found = verdicts(STRENGTHS, known=KNOWN | {"text findings": "after_outcome"})
    assert list(found.index) == ["image + impression"] and found["tests"].tolist() == [1]


def test_the_cases_needed_and_where_the_gain_comes_from_stand_beside_it(table):
    """What is tested more closely in tests/compare."""
    found = table.loc["image + impression"]
    reach, error = found["gain"] - found["gain_low"], 0.84 / 2.0 * (found["gain"] - found["gain_low"])
    assert found["cases_for_two_points"] >= 0.8 * 600 * ((reach + error) / 0.02) ** 2
    assert found["groups_for_two_points"] == found["cases_for_two_points"]
    assert found["interaction"] == found["gain"] and np.isnan(found["switching"]), "there is one label"
    assert found["rethresholding"] == 0, "its probability is its score"


def test_the_figure_has_a_line_for_each_verdict(table):
    figure = draw(table.reset_index(), "small study")
    assert [label.get_text().split("\n")[0] for label in figure.axes[0].get_yticklabels()] == list(table.index)

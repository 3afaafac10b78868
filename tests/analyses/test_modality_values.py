import dataclasses
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from small_fusions import drawn

from lungfuse.analyses.modality_values import compute, draw, scored_sets, shapley
from lungfuse.compare.by_fold import by_fold
from lungfuse.compare.verdicts import fusions
from lungfuse.demo.evidence import (
    AGE_MEAN,
    AGE_SD,
    LOG_CRP_MEAN,
    LOG_CRP_SD,
    MISSING,
    NORMAL_VOLUME,
    SIGN_VOLUME,
    SIGNS,
    best_accuracy,
)
from lungfuse.settings.comparison import Intervals

INTERVALS = Intervals(confidence=0.95, resamples=400)
READS = {
    "image": ["image"],
    "text": ["text"],
    "structured": ["structured"],
    "early": ["image", "text"],
    "image and columns": ["image", "structured"],
    "text and columns": ["text", "structured"],
    "all": ["image", "text", "structured"],
}


def drawn_as_the_demo(count: int = 3000, seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Cases of the demo, and the log odds that the best model gives them, (case, 1), by what it reads."""
    rng, label = np.random.default_rng(seed), np.arange(count) % 2
    signs = np.stack([rng.choice(4, count, p=SIGNS[name].ravel()) for name in ["normal", "lung"]])
    drawn_sign, written = np.divmod(signs[label, np.arange(count)], 2)
    kinds = np.array([NORMAL_VOLUME, *SIGN_VOLUME.values()])[np.where(drawn_sign, rng.integers(1, 3, count), 0)]
    volume = rng.normal(*kinds.T)
    sign = np.mean([norm.pdf(volume, *each) for each in SIGN_VOLUME.values()], axis=0)
    density = np.stack([norm.pdf(volume, *NORMAL_VOLUME), sign])  # (drawn sign, case)
    lung, normal = ((SIGNS[name].T @ density) for name in ["lung", "normal"])  # (written sign, case)
    said = {"image": np.log(lung.sum(axis=0) / normal.sum(axis=0))}
    said["text"] = np.log(SIGNS["lung"].sum(axis=0) / SIGNS["normal"].sum(axis=0))[written]
    said["early"] = np.log(lung / normal)[written, np.arange(count)]
    columns = np.zeros(count)
    for name, means, spread in [("age", AGE_MEAN, AGE_SD), ("crp", LOG_CRP_MEAN, LOG_CRP_SD)]:
        both = np.array([means["normal"], means["lung"]])
        value = rng.normal(both[label], spread)
        columns += np.where(rng.random(count) < MISSING[name], 0, (value - both.mean()) * np.diff(both) / spread**2)
    said |= {"structured": columns, "all": said["early"] + columns}
    said |= {f"{name} and columns": said[name] + columns for name in ["image", "text"]}
    return label[:, None], {name: said[name][:, None] for name in READS}


def exact(value: dict[frozenset, float], modality: str) -> float:
    """By the definition: the mean of what the modality adds, over all orders."""
    names = {"image", "text", "structured"}
    total = 0.0
    for size in range(3):
        for some in map(frozenset, combinations(names - {modality}, size)):
            weight = factorial(size) * factorial(2 - size) / factorial(3)
            total += weight * (value[some | {modality}] - value[some])
    return total


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    label, odds = drawn_as_the_demo()
    return compute(drawn(odds, label), INTERVALS, {}, seed=0)


def of_all(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["inputs"] == "image + findings + age, crp"].set_index("modality")


def test_modalities_of_the_demo_rank_by_auroc_as_of_the_best_scores_of_many_more_cases(table):
    label, odds = drawn_as_the_demo(60_000, seed=1)
    best = {frozenset(READS[name]): roc_auc_score(label, each) for name, each in odds.items()} | {frozenset(): 0.5}
    known = {name: exact(best, name) for name in ["image", "text", "structured"]}
    found = of_all(table)
    assert found["value"].sort_values().index.tolist() == sorted(known, key=known.get)
    assert all(row.value_low < known[row.Index] < row.value_high for row in found.itertuples())


def test_by_accuracy_they_rank_as_the_best_decisions_do(table):
    """A text says yes or no, so it decides better than it ranks: by accuracy it is worth most."""
    best = {frozenset(name.split(" + ")): accuracy for name, accuracy in best_accuracy().items()} | {frozenset(): 0.5}
    known = {name: exact(best, name) for name in ["image", "text", "structured"]}
    label, odds = drawn_as_the_demo(8000)
    results = drawn(odds, label)
    trainings = [by_fold(results.task, each, "accuracy") for each in results.joined]
    scored = dataclasses.replace(results.scored, trainings=trainings)
    sets = scored_sets(scored, fusions(scored)[-1])
    found = {name: shapley(sets, name)[0].value for name in known}
    assert sorted(found, key=found.get) == sorted(known, key=known.get)
    assert found == pytest.approx(known, abs=0.015)


def test_they_add_up_to_the_auroc_of_the_fusion_and_are_the_mean_of_what_is_added(table):
    label, odds = drawn_as_the_demo()
    scored = drawn(odds, label).scored
    auroc = {frozenset(READS[name]): each[0].value for name, each in zip(odds, scored.trainings, strict=True)}
    found = of_all(table)
    assert found["value"].sum() == pytest.approx(auroc[frozenset(READS["all"])] - 0.5, abs=1e-5)
    for modality in found.index:
        assert found["value"][modality] == pytest.approx(exact(auroc | {frozenset(): 0.5}, modality), abs=1e-5)
        assert found["alone"][modality] == pytest.approx(auroc[frozenset([modality])], abs=1e-5)


def test_every_fusion_whose_sets_are_all_read_has_a_row_a_modality(table):
    assert table.groupby("inputs", sort=False).size().tolist() == [2, 2, 2, 3]
    assert (table["value_low"] > 0).all() and (table["p_corrected"] < 0.01).all()


def test_a_set_that_no_model_reads_leaves_its_fusion_out():
    label, odds = drawn_as_the_demo(400)
    found = compute(drawn({name: each for name, each in odds.items() if name != "text"}, label), INTERVALS, {}, seed=0)
    assert found["inputs"].unique().tolist() == ["image + age, crp"]


def test_what_predicts_nothing_is_worth_nothing():
    label, odds = drawn_as_the_demo(600)
    noise = np.random.default_rng(1).normal(size=label.shape)
    odds = {"image": odds["image"], "text": noise, "early": odds["image"]}
    found = compute(drawn(odds, label), INTERVALS, {}, seed=0).set_index("modality")
    assert found["value_low"]["text"] < 0 < found["value_high"]["text"]


def test_the_figure_has_a_line_for_each_modality_of_a_fusion(table):
    assert len(draw(table, "small study").axes[0].get_yticklabels()) == len(table)
    assert draw(table[:0], "small study").axes

"""Greedy selection with replacement, on scores of which the best is known."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from lungfuse.errors import UserError
from lungfuse.models.late.ensemble import fit, fuse, quality
from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.tasks import load_task

TASKS = {"binary": ["normal", "lung"], "multiclass": ["none", "mild", "severe"], "multilabel": ["effusion", "nodule"]}
STRENGTHS = [2.0, 2.0, 0.0, -1.0]  # of the parts: two see different things of a case, one guesses, one is wrong


def drawn(name: str):
    """Scores of four parts, (part, pair, score column), with targets and weights; some labels are unknown."""
    task, rng = load_task(name, TASKS[name]), np.random.default_rng(0)
    columns = len(task.columns("score"))
    classes = len(TASKS[name]) if task.excludes else 2
    targets = rng.integers(0, classes, (300, len(task.columns("label")))).astype(float)
    true = targets == np.arange(columns) if task.excludes else targets
    odds = np.stack([strength * (2 * true - 1) + 2 * rng.normal(size=true.shape) for strength in STRENGTHS])
    if name == "multilabel":
        targets[::7, 1] = np.nan
    return task, targets, softmax(odds, axis=-1) if task.excludes else expit(odds), np.ones((300, columns))


@pytest.mark.parametrize("name", TASKS)
def test_what_is_selected_is_better_than_any_part_and_leaves_out_what_harms(name):
    task, targets, scores, weights = drawn(name)
    shares = fit(scores, targets, task, weights)["shares"]
    assert sum(shares) == pytest.approx(1) and min(shares[:2]) > 0.2 and shares[3] == 0
    fused = fuse(scores, {"shares": shares}, task)
    assert fused.shape == scores.shape[1:] and fused.min() >= 0 and fused.max() <= 1
    best = max(quality(each, targets, task, weights) for each in scores)
    assert quality(fused, targets, task, weights)[0] > best[0] + 0.01


def test_a_part_that_is_best_by_itself_is_taken_alone():
    """The shortest of equal selections."""
    task, targets, scores, weights = drawn("binary")
    scores[0] = 0.05 + 0.9 * targets
    assert fit(scores, targets, task, weights)["shares"] == [1, 0, 0, 0]


def test_equal_ranks_are_distinguished_by_the_log_loss():
    task, targets, _, weights = drawn("binary")
    sure, unsure = 0.05 + 0.9 * targets, 0.4 + 0.2 * targets
    assert quality(sure, targets, task, weights)[0] == quality(unsure, targets, task, weights)[0] == 1
    assert fit(np.stack([unsure, sure]), targets, task, weights)["shares"] == [0, 1]


def test_pairs_of_one_class_are_no_error():
    task, targets, scores, weights = drawn("binary")
    shares = fit(scores, np.ones_like(targets), task, weights)["shares"]
    assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({}, r"ensemble combines two or more models, found none"),
        ({"parts": {"a": "early", "b": "early"}}, r"ensemble combines two or more models, found early"),
        ({"parts": {"a": "early", "b": "late"}}, r"b: found late, which combines models itself; name those, or"),
        ({"parts": {"a": "early", "b": "logistic"}}, r"b: found logistic, which reads .*age.*, and ensemble does not"),
        ({"parts": {"a": "early", "b": "nothing"}}, r"there is no model nothing"),
    ],
)
def test_parts_that_cannot_be_combined_are_reported(params, entry, problem):
    params["studies"]["demo"]["models"]["ensemble"] = {"images": "raw", "text": "findings"} | entry
    with pytest.raises(UserError, match=rf"models\.ensemble\.parts: {problem}"):
        load_study(params | {"study": "demo"})


def test_it_waits_for_its_parts_alone(params):
    parts = {"fused": "early", "words": "tfidf", "other": "kv-exchange"}
    models = params["studies"]["demo"]["models"]
    models["ensemble"] = {"images": "raw", "text": "findings", "parts": parts}
    plan = Plan(*load_study(params | {"study": "demo"}))
    assert plan.configs["ensemble"].parts == parts
    read = {path.parent.parent.name for path in plan.late("ensemble").reads["parts"]}
    assert read == {"early", "tfidf", "kv-exchange"}
    models["ensemble"]["ablation"] = "shuffled-text"
    with pytest.raises(UserError, match="ensemble has no part of one input to shuffle"):
        load_study(params | {"study": "demo"})

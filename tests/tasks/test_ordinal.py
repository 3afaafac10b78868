"""Grades: cumulative logits, the median grade, and agreement that counts how far off a grade is."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import cohen_kappa_score, mean_absolute_error, roc_auc_score

from lungfuse.compare.by_fold import by_fold, validated_by_fold
from lungfuse.tasks import load_task

GRADES = load_task("ordinal", ["none", "mild", "moderate", "severe"])


def graded(pairs: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Grades, and scores that are high near them."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 4, (pairs, 1)).astype(float)
    seen = targets + rng.normal(size=(pairs, 1))
    scores = np.exp(-((np.arange(4) - seen) ** 2))
    return targets, scores / scores.sum(axis=1, keepdims=True)


def test_each_grade_or_more_has_the_odds_of_the_network_and_no_grade_a_negative_score():
    torch.manual_seed(0)
    logits = 5 * torch.randn(200, GRADES.outputs)
    scores = GRADES.scores(logits)
    assert (scores >= 0).all()
    torch.testing.assert_close(scores.sum(1), torch.ones(200))
    torch.testing.assert_close(scores[:, 1:].sum(1), logits[:, 0].sigmoid())
    second = (logits[:, 0] - torch.nn.functional.softplus(logits[:, 1])).sigmoid()
    torch.testing.assert_close(scores[:, 2:].sum(1), second)


def test_extreme_logits_give_a_finite_loss_and_gradient():
    logits = torch.tensor([[80.0, -80.0, 80.0]], requires_grad=True)
    for grade in range(4):
        GRADES.loss(logits, torch.tensor([[float(grade)]]), torch.ones(4), 0.05).backward()
    assert logits.grad.isfinite().all()


def test_the_median_grade_is_decided_for():
    assert GRADES.decide(np.array([[0.4, 0.0, 0.15, 0.45], [0.6, 0.1, 0.1, 0.2]])).tolist() == [[2], [0]]


def test_agreement_and_ranking_are_those_of_scikit_learn():
    targets, scores = graded()
    decided = GRADES.decide(scores)
    values = GRADES.measures(targets, scores, decided, np.ones((1, 300)))[:, 0]
    found = dict(zip(GRADES.measured, values, strict=True))
    assert found["quadratic_kappa"] == pytest.approx(
        cohen_kappa_score(targets[:, 0].astype(int), decided[:, 0], weights="quadratic")
    )
    assert found["mae"] == pytest.approx(mean_absolute_error(targets, decided))
    cuts = [roc_auc_score(targets[:, 0] >= n, scores[:, n:].sum(axis=1)) for n in (1, 2, 3)]
    assert found["auroc"] == pytest.approx(np.mean(cuts))


def test_models_are_compared_by_the_mean_auroc_of_each_grade_or_more():
    targets, scores = graded()
    frame = pd.DataFrame(scores, columns=GRADES.columns("score")).assign(label=targets[:, 0], fold=0, repeat=0)
    (training,) = by_fold(GRADES, frame)
    cuts = [roc_auc_score(targets[:, 0] >= n, scores[:, n:].sum(axis=1)) for n in (1, 2, 3)]
    np.testing.assert_allclose(training.by_label, cuts)
    np.testing.assert_allclose(validated_by_fold(GRADES, frame, 1)[0, :, 0], cuts)


def test_a_grade_that_is_further_off_costs_more():
    certain = torch.tensor([[6.0, 12.0, 6.0]])  # mild
    losses = [GRADES.loss(certain, torch.tensor([[float(grade)]]), torch.ones(4), 0.0).item() for grade in range(4)]
    assert losses[1] < losses[0]
    assert losses[1] < losses[2] < losses[3]

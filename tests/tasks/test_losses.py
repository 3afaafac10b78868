"""What a rare class or label weighs in the loss, where labels are smoothed."""

import numpy as np
import pytest
import torch

from lungfuse.tasks import load_task

RARE = np.r_[np.ones(2), np.zeros(198)][:, None]


def best_score(task, targets: np.ndarray, of: float) -> float:
    """The score at which the loss of a pair with this target is least, where pairs are weighed as balanced."""
    weights = torch.tensor(task.weights(targets), dtype=torch.float32)
    logits = torch.zeros(1, task.outputs, requires_grad=True)
    target = torch.full((1, targets.shape[1]), of)
    optimizer = torch.optim.LBFGS([logits], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = task.loss(logits, target, weights, 0.1)
        value.backward()
        return value

    optimizer.step(loss)
    return task.scores(logits).detach().numpy()[0]


def test_a_negative_pair_is_no_more_positive_for_a_rare_label_than_for_a_frequent_one():
    task = load_task("multilabel", ["rare", "frequent"])
    targets = np.hstack([RARE, (np.arange(200) % 2)[:, None]])
    assert best_score(task, targets, of=0.0) == pytest.approx([0.05, 0.05], abs=1e-3)
    assert best_score(task, targets, of=1.0) == pytest.approx([0.95, 0.95], abs=1e-3)


def test_a_negative_pair_is_no_more_of_the_rare_of_two_classes():
    task = load_task("binary", ["normal", "rare"])
    assert best_score(task, RARE, of=0.0) == pytest.approx([0.05], abs=1e-3)


def test_a_pair_of_a_frequent_class_is_as_little_of_a_rare_class_as_of_another():
    task = load_task("multiclass", ["frequent", "other", "rare"])
    targets = np.r_[np.zeros(100), np.ones(98), [2, 2]][:, None]
    assert best_score(task, targets, of=0.0) == pytest.approx([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3], abs=1e-3)


def test_classes_count_the_same_in_the_sum():
    task = load_task("binary", ["normal", "rare"])
    weights = torch.tensor(task.weights(RARE), dtype=torch.float32)
    logits = torch.zeros(200, 2, requires_grad=True)
    task.loss(logits, torch.tensor(RARE, dtype=torch.float32), weights, 0.0).backward()
    of_class = logits.grad[:, 1].abs()
    assert of_class[:2].sum().item() == pytest.approx(of_class[2:].sum().item(), rel=1e-4)

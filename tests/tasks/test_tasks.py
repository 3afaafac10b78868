"""What tasks make of labels, logits and scores."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    recall_score,
    roc_auc_score,
)

from lungfuse.measures import METRICS
from lungfuse.tasks import load_task, task_names

BINARY = load_task("binary", ["normal", "lung"])
CLASSES = load_task("multiclass", ["a", "b", "c"])
LABELS = load_task("multilabel", ["opacity", "nodule"])
GRADES = load_task("ordinal", ["none", "mild", "severe"])
NUMBER = load_task("regression", ["age", "20", "80"])
ALL = {"binary": BINARY, "multiclass": CLASSES, "multilabel": LABELS, "ordinal": GRADES, "regression": NUMBER}


def drawn(name: str, pairs: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Targets and scores of a task, in which a score predicts a little of its label."""
    rng = np.random.default_rng(0)
    if name == "regression":
        shares = rng.random((pairs, 1))
        return 20 + 60 * shares, np.clip(shares + 0.2 * rng.normal(size=(pairs, 1)), 0, 1)
    if name == "multilabel":
        targets = (rng.random((pairs, 2)) < [0.3, 0.1]).astype(float)
        scores = np.clip(0.3 * targets + 0.7 * rng.random((pairs, 2)), 0, 1)
        targets[::5, 0] = np.nan
        return targets, scores
    classes = len(ALL[name].labels)
    targets = rng.integers(0, classes, (pairs, 1)).astype(float)
    scores = rng.dirichlet(np.ones(classes), pairs) + 0.5 * (targets == np.arange(classes))
    scores /= scores.sum(axis=1, keepdims=True)
    return targets, scores if classes > 2 else scores[:, 1:]


def test_every_task_is_tested_here():
    assert set(task_names()) == set(ALL)


@pytest.mark.parametrize(
    ("task", "columns"),
    [
        (BINARY, [["label"], ["score"], ["prediction"], ["probability"]]),
        (CLASSES, [["label"], ["score_a", "score_b", "score_c"], ["prediction"],
                   ["probability_a", "probability_b", "probability_c"]]),
        (LABELS, [[f"{kind}_opacity", f"{kind}_nodule"] for kind in ["label", "score", "prediction", "probability"]]),
    ],
)  # fmt: skip
def test_columns_are_one_of_a_kind_or_one_a_label(task, columns):
    assert [task.columns(kind) for kind in ["label", "score", "prediction", "probability"]] == columns


def test_an_unknown_label_is_not_a_number():
    frame = pd.DataFrame({"label_opacity": [1, None], "label_nodule": [0, 1]}).astype("Int64")
    np.testing.assert_equal(LABELS.targets(frame), [[1, 0], [np.nan, 1]])


@pytest.mark.parametrize("name", ALL)
def test_scores_of_logits_are_scores_and_the_highest_decides(name):
    task = ALL[name]
    torch.manual_seed(0)
    scores = task.scores(torch.randn(50, task.outputs)).numpy()
    assert scores.shape == (50, len(task.columns("score")))
    assert 0 <= scores.min() <= scores.max() <= 1
    decided = task.decide(scores)
    assert decided.shape == (50, len(task.columns("label")))
    if task.excludes:
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    if name == "multiclass":
        assert (decided[:, 0] == scores.argmax(axis=1)).all()


@pytest.mark.parametrize("name", ALL)
def test_the_loss_falls_as_scores_come_nearer_to_the_labels(name):
    task, (targets, _) = ALL[name], drawn(name)
    logits = torch.zeros(len(targets), task.outputs, requires_grad=True)
    labels, weights = torch.tensor(targets, dtype=torch.float32), torch.ones(len(task.labels))
    before = task.loss(logits, labels, weights, 0.0)
    before.backward()
    after = task.loss(logits.detach() - 10 * logits.grad, labels, weights, 0.0)
    assert after < before


def test_an_unknown_label_takes_no_part_in_the_loss():
    logits = torch.randn(4, 2, requires_grad=True)
    targets = torch.tensor([[1.0, torch.nan], [0.0, 1.0], [torch.nan, torch.nan], [1.0, 0.0]])
    loss = LABELS.loss(logits, targets, torch.ones(2), 0.1)
    loss.backward()
    assert (logits.grad[targets.isnan()] == 0).all()
    assert (logits.grad[~targets.isnan()] != 0).all()
    fewer = LABELS.loss(logits[[0, 1, 3]], targets[[0, 1, 3]], torch.ones(2), 0.1)
    torch.testing.assert_close(loss, fewer)
    assert LABELS.loss(logits[2:3], targets[2:3], torch.ones(2), 0.1) == 0, "nothing known, nothing lost"


def test_weights_let_classes_and_both_sides_of_a_label_count_the_same():
    targets = np.array([[0], [0], [0], [1]])
    assert BINARY.weights(targets).tolist() == pytest.approx([4 / 6, 2])
    assert CLASSES.weights(targets).tolist() == pytest.approx([4 / 9, 4 / 3, 1]), "a class without pairs"
    of_labels = np.array([[1, 0], [0, 0], [0, np.nan], [0, np.nan]])
    assert LABELS.weights(of_labels).tolist() == [3, 1]


def test_the_measures_of_classes_are_those_of_scikit_learn():
    targets, scores = drawn("multiclass")
    labels, decided = targets[:, 0].astype(int), CLASSES.decide(scores)
    found = dict(zip(METRICS, CLASSES.measures(targets, scores, decided, np.ones((1, 200)))[:, 0], strict=True))
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, decided))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, decided))
    assert found["auroc"] == pytest.approx(roc_auc_score(labels, scores, multi_class="ovr"))
    assert found["auprc"] == pytest.approx(average_precision_score(np.eye(3)[labels], scores))
    assert found["sensitivity"] == pytest.approx(recall_score(labels, decided, average="macro"))


def test_the_measures_of_labels_are_means_over_labels_of_what_is_known():
    targets, scores = drawn("multilabel")
    found = dict(
        zip(METRICS, LABELS.measures(targets, scores, LABELS.decide(scores), np.ones((1, 200)))[:, 0], strict=True)
    )
    known = ~np.isnan(targets)
    for metric, expected in [("auroc", roc_auc_score), ("auprc", average_precision_score)]:
        each = [expected(targets[known[:, n], n], scores[known[:, n], n]) for n in range(2)]
        assert found[metric] == pytest.approx(np.mean(each))


@pytest.mark.parametrize("name", ALL)
def test_a_weight_counts_a_pair_as_often_as_it_says(name):
    task, (targets, scores) = ALL[name], drawn(name)
    times = np.random.default_rng(1).integers(0, 3, 200)
    weighted = task.measures(targets, scores, task.decide(scores), times[None])[:, 0]
    rows = np.repeat(np.arange(200), times)
    repeated = task.measures(targets[rows], scores[rows], task.decide(scores[rows]), np.ones((1, len(rows))))[:, 0]
    np.testing.assert_allclose(weighted, repeated)


def test_a_label_of_one_class_is_left_out_of_the_mean_that_it_does_not_define():
    targets, scores = drawn("multilabel")
    never = np.column_stack([targets[:, 0], np.zeros(200)])
    found = LABELS.measures(never, scores, LABELS.decide(scores), np.ones((1, 200)))[:, 0]
    known = ~np.isnan(targets[:, 0])
    assert found[METRICS.index("auroc")] == pytest.approx(roc_auc_score(targets[known, 0], scores[known, 0]))

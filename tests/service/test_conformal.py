"""Sets for new cases hold the right class as often as they promise."""

import numpy as np
import pandas as pd
import pytest

from lungfuse.analyses.conformal import questions
from lungfuse.tasks import load_task
from lungfuse_service.inference.conformal import COVERAGE, OutOfFold, cases_near, class_ranks

FOLDS = 5
TASK = load_task("binary", ["normal", "lung"])
(QUESTION,) = questions(TASK)


def drawn(rng: np.random.Generator, count: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and the probabilities of each by five models, (case, fold), none of them calibrated alike."""
    labels = (rng.random(count) < share).astype(int)
    evidence = 1.5 * (2 * labels - 1) + rng.normal(0, 1.5, count)
    noise = rng.normal(0, 0.4, (count, FOLDS)) + np.linspace(-0.5, 0.5, FOLDS)
    return labels, 1 / (1 + np.exp(-(evidence[:, None] + noise)))


def out_of_fold(labels: np.ndarray, probabilities: np.ndarray) -> OutOfFold:
    folds = np.arange(len(labels)) % FOLDS
    table = pd.DataFrame({"label": labels, "probability": probabilities[np.arange(len(labels)), folds]})
    return OutOfFold(TASK, table, folds)


def test_nine_of_ten_cases_of_each_class_have_their_class_in_the_set():
    rng = np.random.default_rng(0)
    covered: dict[int, list[bool]] = {0: [], 1: []}
    for _ in range(8):
        known = out_of_fold(*drawn(rng, 300, 0.15))
        labels, probabilities = drawn(rng, 250, 0.15)
        for label, by_fold in zip(labels, probabilities, strict=True):
            ranks = class_ranks(known, QUESTION, by_fold[:, None])
            covered[label].append(bool(ranks[label] > 1 - COVERAGE))
    assert 0.87 < np.mean(covered[0]) < 0.94
    assert 0.85 < np.mean(covered[1]) < 0.97, "the rare class too"


def test_a_case_is_held_against_the_model_of_the_same_fold():
    """A model that is always more sure than the others makes no set smaller."""
    rng = np.random.default_rng(1)
    labels, probabilities = drawn(rng, 400, 0.5)
    shifted = probabilities.copy()
    shifted[:, 0] = shifted[:, 0] ** 0.1
    new = drawn(rng, 1, 0.5)[1][0]
    new_shifted = new.copy()
    new_shifted[0] = new_shifted[0] ** 0.1
    before = class_ranks(out_of_fold(labels, probabilities), QUESTION, new[:, None])
    after = class_ranks(out_of_fold(labels, shifted), QUESTION, new_shifted[:, None])
    assert np.allclose(before, after)


def test_with_too_few_cases_no_class_is_ruled_out():
    known = out_of_fold(np.array([0, 1, 0, 1]), np.full((4, FOLDS), 0.5))
    assert (class_ranks(known, QUESTION, np.full((FOLDS, 1), 0.999)) > 1 - COVERAGE).all()


def test_what_a_probability_means_is_counted_among_cases_with_about_the_same():
    labels = np.repeat([0, 1], [60, 140])
    known = out_of_fold(labels, np.full((200, FOLDS), 0.7))
    near = cases_near(known, QUESTION, 1, 0.72)
    assert near == {"low": pytest.approx(0.67), "high": pytest.approx(0.77), "cases": 200, "share": 0.7}
    assert cases_near(known, QUESTION, 1, 0.1)["share"] is None

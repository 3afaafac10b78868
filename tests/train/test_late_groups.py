"""A late fusion whose validation pairs are all of one patient."""

import numpy as np
import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.plan.names import FOLD_PREDICTIONS
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import write_table
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import load_task
from lungfuse.train.late import combine

TASK = load_task("binary", ["normal", "lung"])


def late(architecture: str) -> ModelConfig:
    given = {"study": "demo", "task": "binary", "labels": TASK.labels, "seed": 0, "class_weights": "none", "folds": 3}
    inputs = {"image": "raw", "text": "findings"}
    return ModelConfig(name=f"{architecture}_all", architecture=architecture, inputs=inputs, **given)


@pytest.fixture
def parts(tmp_path):
    """The folders of two models that have scored twenty pairs of fold 1, of which ten are for validation."""
    rng, folders = np.random.default_rng(0), [tmp_path / name for name in ["image", "text"]]
    frame = pd.DataFrame({"pair_id": [f"P{n:02d}" for n in range(20)], "label": np.arange(20) % 2})
    frame = frame.assign(part=["validation"] * 10 + ["test"] * 10, fold=1, repeat=0)
    for folder in folders:
        write_table(frame.assign(score=rng.random(20)), folder / FOLD_PREDICTIONS, FoldPredictions)
    return folders


@pytest.fixture
def pairs():
    return pd.DataFrame({"pair_id": [f"P{n:02d}" for n in range(20)], "group": [7] * 10 + list(range(10, 20))})


def test_stacking_says_that_it_cannot_learn_and_be_scored_on_one_patient(parts, pairs):
    with pytest.raises(UserError, match=r"late-stacked_all: found one group .* 10 validation pairs of fold 1"):
        combine(late("late-stacked"), parts, pairs, TASK)
    combine(late("late-stacked"), parts, pairs.assign(group=[7] * 5 + [8] * 5 + [9] * 10), TASK)


def test_a_mean_learns_nothing_and_needs_no_groups(parts, pairs):
    scored, combined = combine(late("late"), parts, pairs, TASK)
    assert combined["fitted"] == {}
    means = sum(pd.read_csv(folder / FOLD_PREDICTIONS)["score"] for folder in parts) / 2
    np.testing.assert_allclose(scored["score"], means, atol=1e-6)

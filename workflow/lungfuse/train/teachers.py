"""What a training learns from other networks: scores that they give to pairs they have not learned from."""

from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.plan.layout import Layout
from lungfuse.plan.names import FOLD_PREDICTIONS
from lungfuse.plan.runs import inner_runs
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import read_table
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import Task


def out_of_fold_scores(
    teacher: ModelConfig, run: str, pairs: pd.DataFrame, task: Task, known: np.ndarray
) -> np.ndarray:
    """The scores of a network for the pairs that a training learns from, (pair, score column), NaN of all others.

    Each is by a training that has seen neither the pair nor the test pairs: a pair to learn from is scored by that
    inner training which leaves it out, a validation pair by that of the fold. `known` are the positions of both.

    Raises:
        UserError: one of them has no score, or several.
    """
    folder = Layout(teacher.study).fold_folder
    parts = [(folder(teacher.name, each) / FOLD_PREDICTIONS, "test") for each in inner_runs(run)]
    parts.append((folder(teacher.name, run) / FOLD_PREDICTIONS, "validation"))
    found = pd.concat([_part(file, part) for file, part in parts])
    expected = pairs["pair_id"].iloc[known]
    if found["pair_id"].duplicated().any() or set(found["pair_id"]) != set(expected):
        raise UserError(
            f"{parts[0][0].parent}: {teacher.name} has scored {len(found)} pairs, expected each of the {len(expected)} "
            "to learn from once. They are of another split: train it again from these pairs."
        )
    return task.of("score", found.set_index("pair_id").reindex(pairs["pair_id"]))


def _part(file: Path, part: str) -> pd.DataFrame:
    table = read_table(file, FoldPredictions)
    return table[table["part"] == part]

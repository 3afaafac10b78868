"""How much each modality of a case decided: Shapley values over all of its modalities."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lungfuse.compare.by_fold import by_fold
from lungfuse.relevance.network import Case, ExplainedNetwork
from lungfuse.relevance.shapley_values import exact
from lungfuse.tables.base import read_table
from lungfuse.tables.training import PermutedScores
from lungfuse.tasks import Task


def shuffling_costs(file: Path, pairs: pd.DataFrame, task: Task) -> dict[str, float]:
    """What shuffling each modality costs in AUROC, by the file of `PermutedScores` of a model."""
    table = read_table(file, PermutedScores)
    found = {key: _auroc(rows, pairs, task) for key, rows in table.groupby(["modality", "permutation"], sort=False)}
    intact = found.pop(("", 0))
    return {
        name: intact - float(np.mean([value for (modality, _), value in found.items() if modality == name]))
        for name in dict.fromkeys(modality for modality, _ in found)
    }


def _auroc(rows: pd.DataFrame, pairs: pd.DataFrame, task: Task) -> float:
    known = pairs[["pair_id", "group", *task.columns("label")]]
    frame = known.merge(rows[["pair_id", "fold", *task.columns("score")]], on="pair_id").assign(repeat=0)
    return by_fold(task, frame, decided_by="score")[0].value


@torch.no_grad()
def modality_values(network: ExplainedNetwork, case: Case, target: Tensor) -> Tensor:
    """What each modality adds to the logit of the target, (B, modality), an absent one being neutral.

    They add up to the change of the logit from the neutral case.
    """
    names = list(case.entries)
    given, neutral = network.encode(case), network.encode(case.at(network.neutral(case)))

    def lost(away: Tensor) -> Tensor:
        found = []
        for subset in away.tolist():
            mixed = {name: (neutral if gone else given)[name] for name, gone in zip(names, subset, strict=True)}
            found.append(network.logit(network.decide(mixed), target))
        return (found[0] - torch.stack(found)).double()  # the first subset lacks nothing

    return exact(lost, len(names))

"""Explaining a trained model of a study: which networks explain which pairs."""

from types import SimpleNamespace

import numpy as np
import torch

from lungfuse.relevance.network import Case
from lungfuse.relevance.study import FoldExplained

FOLDS = {1: np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]), 2: np.array([2, 2, 2, 2, 2, 0, 0, 0, 0, 0])}  # of other trainings


class Trained:
    """A model of three trainings with three folds each, whose networks are known by their training and fold."""

    config, other_trainings, shown = SimpleNamespace(folds=3), range(1, 3), {}
    measured, placed = {0, 2, 3, *range(5, 10)}, set()
    targets = np.arange(10) % 2

    def held_out_in(self, training: int) -> np.ndarray:
        return FOLDS[training]

    def cases(self, fold: int, positions: np.ndarray, targets: np.ndarray, training: int = 0) -> SimpleNamespace:
        def case(places: list[int]) -> tuple[Case, torch.Tensor]:
            numbers = torch.tensor(positions[places])[:, None, None].float()
            there = torch.ones(len(places), 1, dtype=torch.bool)
            return Case({"structured": numbers}, {"structured": there}), torch.tensor(targets[places])

        return SimpleNamespace(network=(training, int(fold)), case=case)


def explain(network: tuple[int, int], case: Case, target: torch.Tensor) -> dict[str, torch.Tensor]:
    """The training, the fold and the target instead of relevance, and the position of each case."""
    numbers = case.entries["structured"][:, 0]
    which = torch.tensor(network).float().expand(len(numbers), 2)
    return {"structured": torch.cat([which, target[:, None], numbers], dim=1)}


def test_each_case_is_explained_in_every_other_training_by_the_network_that_has_not_learned_from_it():
    positions = np.array([9, 0, 2, 3, 4, 5, 6, 7, 8])  # nine of the ten pairs; the one at 4 is not measured
    fold = FoldExplained(Trained(), 1, positions)
    assert [len(few) for few in fold.batches] == [8]
    ((by_training,),) = fold.by_other_seeds([SimpleNamespace(name="which", explain=explain)]).values()
    measured = [9, 0, 2, 3, 5, 6, 7, 8]
    for training, relevance in zip([1, 2], by_training, strict=True):
        expected = [[training, FOLDS[training][each], each % 2, each] for each in measured]
        assert relevance["structured"].tolist() == expected

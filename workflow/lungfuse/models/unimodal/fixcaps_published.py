"""FixCaps as its authors' code has it, to compare with `fixcaps`: Lan et al., IEEE Access 10, 2022,
https://doi.org/10.1109/ACCESS.2022.3181225.

Three errors are kept: a class shares itself among the capsules of an image, in place of a capsule among the classes;
how votes agree is averaged over the batch, so that a prediction depends on the images beside it; and the capsules of
classes are squashed by the length of each of their numbers over all classes. The encoder `fixcaps-published` has two
more. Shapes: B images, T capsules of an image, K classes, D numbers of a capsule of a class.
"""

import torch
from torch import Tensor

from lungfuse.layers.capsules import squash
from lungfuse.models.unimodal.fixcaps import LEAST, ClassCapsules, margin_loss
from lungfuse.tasks import Task

REQUIRED = ["image"]
LEARNS = ["classes"]
SETTINGS = {
    "capsules": {"description": "of an image, at most", "type": "integer", "minimum": 1, "default": 576},
    "length": {"description": "numbers of a capsule of a class", "type": "integer", "minimum": 1, "default": 16},
    "iterations": {"description": "of routing", "type": "integer", "minimum": 1, "default": 3},
}


class PublishedCapsules(ClassCapsules):
    """As `ClassCapsules`, with these errors. Lengths are not below 1 here: the logits (B, K) are their logarithms."""

    spread = 1.0

    def route(self, votes: Tensor) -> Tensor:
        agreement = torch.zeros_like(votes[:1, ..., 0])  # (1, T, K)
        for _ in range(self.iterations):
            total = squash(torch.einsum("xtk,btkd->bkd", agreement.softmax(1), votes), 1, LEAST)
            agreement = agreement + torch.einsum("btkd,bkd->btk", votes, total).mean(0, keepdim=True)
        return total

    def logits(self, totals: Tensor) -> Tensor:
        return (totals.square().sum(-1) + LEAST).log() / 2


def loss(
    logits: Tensor, targets: Tensor, task: Task, class_weights: Tensor, label_smoothing: float, part_scores: dict
) -> Tensor:
    """The margin loss of the lengths of the classes."""
    return margin_loss(logits.exp(), targets, class_weights)


build = PublishedCapsules

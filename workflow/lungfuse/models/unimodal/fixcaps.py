"""Capsules of classes on those of an image: Sabour et al., NeurIPS 2017, https://arxiv.org/abs/1710.09829; FixCaps: Lan
et al., IEEE Access 10, 2022, https://doi.org/10.1109/ACCESS.2022.3181225.

Repaired: the capsules of an image share each vote among the classes, route by that image alone, and are squashed by
their length. Shapes: B images, T capsules of an image, K classes, D numbers of a capsule of a class.
"""

import torch
from torch import Tensor, nn

from lungfuse.errors import UserError
from lungfuse.layers.blocks import Inputs, MissingModalityToken, Readings
from lungfuse.layers.capsules import squash
from lungfuse.tasks import Task

REQUIRED = ["image"]
LEARNS = ["classes"]
SETTINGS = {
    "capsules": {"description": "of an image, at most", "type": "integer", "minimum": 1, "default": 576},
    "length": {"description": "numbers of a capsule of a class", "type": "integer", "minimum": 1, "default": 16},
    "iterations": {"description": "of routing", "type": "integer", "minimum": 1, "default": 3},
}
PRESENT, ABSENT, OF_ABSENT = 0.9, 0.1, 0.5  # lengths that cost nothing, and what a class that is absent counts
LEAST = 1e-9  # square of a length


class ClassCapsules(nn.Module):
    """Each capsule of an image votes for that of each class; how long it becomes says whether the class is there.

    The capsules of an image have matrices of their own, by their place in order; a case without an image votes by a
    learned one. The logits (B, K) are those of the lengths of the classes, log(l / (1 - l)).
    """

    spread = 0.1  # of the matrices that training begins with

    def __init__(self, widths: dict[str, int], outputs: int, capsules: int, length: int, iterations: int):
        super().__init__()
        (self.name, width), *_ = widths.items()
        self.absent, self.iterations = MissingModalityToken(widths), iterations
        self.matrices = nn.Parameter(self.spread * torch.randn(capsules, outputs, length, width))

    def forward(self, inputs: Inputs) -> Tensor:
        values, mask = self.absent(inputs)[self.name]
        most = len(self.matrices)
        if mask[:, most:].any():
            raise UserError(
                f"settings.capsules: found {most}, but the image encoder makes {mask.sum(1).max()} tokens of an image; "
                "say so many, or choose the encoder fixcaps."
            )
        values, mask = values[:, :most].float(), mask[:, :most]
        with torch.autocast(values.device.type, enabled=False):  # small differences decide what routing agrees on
            votes = torch.einsum("btw,tkdw->btkd", values, self.matrices[: values.shape[1]])
            return self.logits(self.route(votes * mask[..., None, None]))

    def route(self, votes: Tensor) -> Tensor:
        """Votes (B, T, K, D) to their sums by class, (B, K, D), in which votes that agree with the sum count more."""
        agreement = torch.zeros_like(votes[..., 0])  # (B, T, K)
        for iteration in range(self.iterations):
            total = torch.einsum("btk,btkd->bkd", agreement.softmax(2), votes)
            if iteration < self.iterations - 1:
                agreement = agreement + torch.einsum("btkd,bkd->btk", votes, squash(total, -1, LEAST))
        return total

    def logits(self, totals: Tensor) -> Tensor:
        """A sum of the length s is squashed to l = s^2 / (1 + s^2), and log(l / (1 - l)) = log(s^2)."""
        return (totals.square().sum(-1) + LEAST).log()

    def attended(self) -> Readings:
        """Votes are no attention of tokens."""
        return []


def loss(
    logits: Tensor, targets: Tensor, task: Task, class_weights: Tensor, label_smoothing: float, part_scores: dict
) -> Tensor:
    """The margin loss of the lengths of the classes, whose margins stand in place of smoothed labels."""
    return margin_loss(logits.sigmoid(), targets, class_weights)


def margin_loss(lengths: Tensor, targets: Tensor, class_weights: Tensor) -> Tensor:
    """The mean over pairs of max(0, .9 - l)^2 of classes that are there and max(0, l - .1)^2 / 2 of others.

    `lengths` are (B, K); `targets` (B, 1), the number of the class, of which each pair is weighed by its own, or (B, K)
    of labels, NaN where one is not known, of which positives are weighed. `class_weights` is (K,).
    """
    exclusive = targets.shape[1] == 1
    there = nn.functional.one_hot(targets[:, 0].long(), lengths.shape[1]) if exclusive else targets.nan_to_num()
    losses = there * (PRESENT - lengths).clamp(min=0).square()
    losses = losses + OF_ABSENT * (1 - there) * (lengths - ABSENT).clamp(min=0).square()
    if exclusive:
        weights = class_weights[targets[:, 0].long()]
        return (losses.sum(1) * weights).sum() / weights.sum()
    known = ~targets.isnan()
    weighed = losses * (1 + there * (class_weights - 1))
    return weighed.where(known, 0).sum() / known.sum().clamp(min=1)


build = ClassCapsules

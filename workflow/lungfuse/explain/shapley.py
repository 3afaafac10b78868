"""Shapley values of columns: Lundberg and Lee, NeurIPS 2017, https://arxiv.org/abs/1705.07874."""

from collections.abc import Callable
from itertools import product
from math import factorial

import numpy as np
import torch
from torch import Tensor

from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance

TITLE = "Shapley values"
CAPTION = (
    "What each column adds to the logit, the mean over all orders in which columns may become known (Lundberg and Lee, "
    "2017), exact up to ten columns; an unknown column has its mean. They add up to the change of the logit by all of "
    "them."
)
MODALITIES, SIGNED, SUMS = ["structured"], True, ""
EXACT = 10  # columns for which all subsets are scored
ORDERS, SEED = 200, 0


@torch.no_grad()
def explain(network: ExplainedNetwork, case: Case, target: Tensor) -> Relevance:
    """The Shapley value of each column."""
    count = case.entries["structured"].shape[1]

    def lost_without(unknown: Tensor) -> Tensor:
        return network.losses(case, target, "structured", unknown).double()

    return {"structured": exact(lost_without, count) if count <= EXACT else sampled(lost_without, count)}


Lost = Callable[[Tensor], Tensor]
"""What is lost, (subset, B), without each of some subsets of players, (subset, player), true where one is away."""


def exact(lost: Lost, count: int) -> Tensor:
    """Shapley values, (B, player), of a few players, by all of their subsets."""
    away = torch.tensor(list(product([False, True], repeat=count)))
    size = (~away).sum(1)  # of those that are there
    orders = torch.tensor([float(factorial(number)) for number in range(count + 1)], dtype=torch.float64)
    joined = orders[(size - 1).clamp(min=0)] * orders[count - size]  # orders in which a player is the last one there
    missed = -orders[size] * orders[(count - size - 1).clamp(min=0)]  # or the next one to come
    weights = torch.where(away, missed[:, None], joined[:, None]) / orders[count]
    return -lost(away).T @ weights


def sampled(lost: Lost, count: int) -> Tensor:
    """The same of many players, by a sample of the orders in which they come."""
    rng, total = np.random.default_rng(SEED), 0
    for _ in range(ORDERS):
        order = rng.permutation(count)
        place = torch.tensor(np.argsort(order))
        away = place[None] >= torch.arange(count + 1)[:, None]  # (players that came, player)
        total = total - lost(away).diff(dim=0)[place].T
    return total / ORDERS

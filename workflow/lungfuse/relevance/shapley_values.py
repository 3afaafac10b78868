"""Shapley values of a few players exactly, and of many by a sample of orders: Shapley, 1953; Castro et al., 2009."""

from collections.abc import Callable
from itertools import product
from math import factorial

import numpy as np
import torch
from torch import Tensor

EXACT = 10  # players all of whose subsets are scored
ORDERS, SEED = 200, 0
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


def shapley_values(lost: Lost, count: int) -> Tensor:
    """Shapley values, (B, player), exact for a few players."""
    return exact(lost, count) if count <= EXACT else sampled(lost, count)

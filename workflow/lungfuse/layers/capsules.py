"""Capsules, vectors whose length says how sure a thing is there: Sabour et al., https://arxiv.org/abs/1710.09829."""

from torch import Tensor


def squash(vectors: Tensor, dim: int, least: float = 1e-12) -> Tensor:
    """Vectors along `dim` with the length l^2 / (1 + l^2) in place of l; `least` is added to the square of l below."""
    squares = vectors.square().sum(dim, keepdim=True)
    return vectors * squares / (1 + squares) / (squares + least).sqrt()

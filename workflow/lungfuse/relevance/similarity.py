"""How alike the relevance of two networks, or of two cases, is."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor


def rank_correlation(a: Tensor, b: Tensor, shown: Tensor) -> Tensor:
    """Spearman's correlation of each case, (B,), of entries, (B, ...), that are `shown`, (B, entry).

    It is 0 where all entries of one are the same, and NaN where there are fewer than two.
    """
    rows = zip(*(each.flatten(1).cpu().numpy() for each in [a, b, shown]), strict=True)
    found = [_correlation(one[kept.astype(bool)], other[kept.astype(bool)]) for one, other, kept in rows]
    return torch.tensor(found, dtype=torch.float32, device=a.device)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 2:
        return float("nan")
    a, b = (rankdata(each) - (len(each) + 1) / 2 for each in [a, b])
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 0 else 0.0


def rank_correlations(a: Tensor, b: Tensor, shown: Tensor) -> Tensor:
    """Spearman's correlation of each case of `a` with each of `b`, (B, B), at entries that are shown in both."""
    count = len(a)
    if shown.all():
        a, b = (_standardised(each.flatten(1).cpu().numpy()) for each in [a, b])
        return torch.tensor(a @ b.T, dtype=torch.float32, device=shown.device)
    rows = [rank_correlation(a, b.roll(-step, 0), shown & shown.roll(-step, 0)) for step in range(count)]
    return _by_case(rows)


def pairwise(alike: Callable[[Tensor, Tensor], Tensor], a: Tensor) -> Tensor:
    """How alike each case is to each other, (B, B), by a symmetric measure of cases, (B, ...) and (B, ...) to (B,)."""
    rows = [alike(a, a.roll(-step, 0)) for step in range(len(a) // 2 + 1)]
    rows += [rows[len(a) - step].roll(-step, 0) for step in range(len(a) // 2 + 1, len(a))]
    return _by_case(rows)


def unrelated(values: Tensor, groups: np.ndarray) -> Tensor:
    """What each case adds to the mean over all pairs of cases of different groups, (B,), from values, (B, B).

    Pairs without a value are left out. The mean is that over the pairs, and as every case is in many pairs, its
    deviation counts once by each of its two places (Hoeffding, 1948): so intervals that draw cases hold. It is NaN of a
    case without another group.
    """
    other = torch.tensor(groups[:, None] != groups, device=values.device) & values.isfinite()
    own, known = torch.where(other, values, 0.0), other.any(1)
    projected = own.sum(1) / other.sum(1).clamp(min=1) + own.sum(0) / other.sum(0).clamp(min=1)
    found = projected - projected[known].mean() + own.sum() / other.sum().clamp(min=1)
    return torch.where(known, found, torch.nan)


def _by_case(rows: list[Tensor]) -> Tensor:
    """Values of each case and the one so many steps later, (step, B), as (B, B)."""
    found = torch.stack(rows)
    case = torch.arange(len(rows), device=found.device)
    return found[(case - case[:, None]) % len(rows), case[:, None]]


def _standardised(rows: np.ndarray) -> np.ndarray:
    """Ranks of each row around their mean, of length 1; 0 where all are the same."""
    ranks = rankdata(rows, axis=1) - (rows.shape[1] + 1) / 2
    size = np.sqrt((ranks**2).sum(1, keepdims=True))
    return np.divide(ranks, size, out=np.zeros_like(ranks), where=size > 0)

"""How alike the relevance of two networks, or of two cases, is."""

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


def unrelated(groups: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
    """The place of the next case of another group for each, (B,), and whether there is one, (B,)."""
    count = len(groups)
    later = (np.arange(count)[:, None] + np.arange(count)) % count  # (case, cases from it on)
    other = groups[later] != groups[:, None]
    place = later[np.arange(count), other.argmax(1)]
    return torch.tensor(place, device=device), torch.tensor(other.any(1), device=device)

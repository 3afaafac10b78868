"""Groups of pairs spread over parts, so that each part has about the same share of every stratum."""

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold


def parts_of(strata: np.ndarray, sites: pd.Series, groups: pd.Series, count: int, seed: int) -> list[np.ndarray]:
    """Positions of pairs in so many parts: stratified by stratum and site, no group in two of them.

    `strata` is 0 or 1 of shape (pair, stratum). A site with fewer pairs of a stratum than there are parts cannot be
    spread over them; it counts as no site.
    """
    if (strata.sum(axis=1) != 1).any():
        part = spread(at_sites(strata, sites.to_numpy(), count), groups.to_numpy(), count, seed)
        return [np.flatnonzero(part == number) for number in range(count)]
    own = pd.Series(strata.argmax(axis=1), index=sites.index).astype(str)
    stratum = own + sites
    stratum = stratum.mask(stratum.map(stratum.value_counts()) < count, own)
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    return [part for _, part in splitter.split(strata, stratum, groups)]


def at_sites(strata: np.ndarray, sites: np.ndarray, count: int) -> np.ndarray:
    """Each stratum at each site that has as many pairs of it, and the rest of it; (pair, stratum and site)."""
    found = []
    for stratum in strata.T:
        at_each = [stratum * (sites == site) for site in sorted(set(sites))]
        large = [at_one for at_one in at_each if at_one.sum() >= count]
        found += [*large, stratum - sum(large)]
    return np.stack(found, axis=1)


def spread(strata: np.ndarray, groups: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The part of each pair, where a pair may be of several strata; (pair,), 0 to count - 1.

    As scikit-learn's `StratifiedGroupKFold` does for one stratum a pair: group after group, those of which most hangs
    first, goes to the part that leaves the shares of the strata most even, and among equal ones to the smallest.
    """
    rng = np.random.default_rng(seed)
    _, group = np.unique(groups, return_inverse=True)
    counts = np.zeros((group.max() + 1, strata.shape[1] + 1))
    np.add.at(counts, group, np.hstack([np.ones((len(strata), 1)), strata]))  # the size is a stratum, too
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    order = rng.permutation(len(shares))
    order = order[np.argsort(-shares[order].std(axis=1), kind="stable")]
    part_of_group, held = np.zeros(len(shares), int), np.zeros((count, shares.shape[1]))
    for number in order:
        tried = held + np.eye(count)[:, :, None] * shares[number]  # (part that gets the group, part, stratum)
        uneven = tried.std(axis=1).mean(axis=1)
        best = np.flatnonzero(np.isclose(uneven, uneven.min()))
        part = best[held[best, 0].argmin()]
        part_of_group[number], held[part] = part, held[part] + shares[number]
    return part_of_group[group]

"""Cases in folds, halves and samples; no group, of a patient or a text, is ever in two."""

import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold


def stratified_folds(strata: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each case, (case,): each has about the same share of every stratum, of which a case is in one."""
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return _fold_of_case(splitter, strata, groups)


def group_folds(groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each case, (case,): each has about as many."""
    return _fold_of_case(GroupKFold(folds, shuffle=True, random_state=seed), groups, groups)


def _fold_of_case(splitter: GroupKFold | StratifiedGroupKFold, strata: np.ndarray, groups: np.ndarray) -> np.ndarray:
    fold = np.zeros(len(groups), int)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # the data check reports it once, by its name
        for number, (_, test) in enumerate(splitter.split(strata, strata, groups)):
            fold[test] = number
    return fold


def dealt_folds(groups: np.ndarray, labels: np.ndarray, folds: int) -> np.ndarray:
    """The fold of each case, (case,): groups are dealt in turn, those whose first case has the same label together.

    `labels` are 0, 1 or NaN, (case, label). A hundred thousand groups take a moment, and the smaller they are, the more
    even are the folds.
    """
    codes, found = pd.factorize(groups)
    if not len(codes):
        return np.zeros(0, int)
    known = np.nan_to_num(labels[np.flatnonzero(~pd.Series(codes).duplicated())], nan=0.0)
    stratum = np.where(known.any(axis=1), known.argmax(axis=1), known.shape[1]) if known.size else np.zeros(len(found))
    order = np.lexsort([np.random.default_rng(0).random(len(found)), stratum])
    fold = np.empty(len(found), int)
    fold[order] = np.arange(len(found)) % folds
    return fold[codes]


def half_of_groups(groups: np.ndarray, seed: int) -> np.ndarray:
    """Whether each case is of one half of the groups, (case,)."""
    names, group_of_case = np.unique(groups, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(names)) < len(names) // 2)[group_of_case]


def drawn_by_group(groups: np.ndarray, seed: int) -> np.ndarray:
    """A number from 0 to 1 that is drawn for each group, (case,); groups are numbered from 0."""
    return np.random.default_rng(seed).random(int(groups.max(initial=0)) + 1)[groups]


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
    part = stratified_folds(stratum.to_numpy(), groups.to_numpy(), count, seed)
    return [np.flatnonzero(part == number) for number in range(count)]


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

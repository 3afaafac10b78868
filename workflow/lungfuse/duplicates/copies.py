"""Cases that show or say the same, or nearly the same, as pairs of their numbers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lungfuse.duplicates.near import jaccard, near_pairs, radius_for, shingles, simhash
from lungfuse.duplicates.pictures import Pictures

IMAGE_BITS, TEXT_BITS = 10, 14  # of 64, in which near ones differ at most
ALIKE = 0.85  # correlation of what distinguishes images from others of their kind
SHARED = 0.8  # of the runs of three words that either text has
MOST_PAIRS = 200_000
BLOCK = 1024  # images whose likeness to all others is held at once


@dataclass(frozen=True)
class Copies:
    """Pairs of cases: those that are the `same`, each with the first one like it, and those that are `near`.

    Both are int of shape (pair, 2); `likeness` is that of each near pair, `more` says that not all were kept.
    """

    same: np.ndarray
    near: np.ndarray
    likeness: np.ndarray
    more: bool


def same_images(pictures: Pictures) -> Copies:
    """Images with the same pixels, and those whose thumbnails are nearly the same; blank ones are left out."""
    shown = np.flatnonzero(~pictures.blank)
    first, same = _same(pd.Series(pictures.digest[shown]), shown)
    bits = pictures.bits[first]
    found, count = [], 0
    vectors = None if len(first) > 20_000 else pictures.apart(first)
    for left, right in near_pairs(bits, radius_for(bits, IMAGE_BITS)):
        for start in range(0, len(left), 50_000):
            one, two = left[start : start + 50_000], right[start : start + 50_000]
            if vectors is None:
                likeness = _products(pictures.apart(first[one]), pictures.apart(first[two]))
            else:
                likeness = _products(vectors[one], vectors[two])
            near = likeness >= ALIKE
            found.append(np.column_stack([first[one[near]], first[two[near]], likeness[near]]))
            count += int(near.sum())
        if count > MOST_PAIRS:
            break
    pairs = np.concatenate([np.zeros((0, 3)), *found])
    cases = pictures.case[pairs[:, :2].astype(int)].reshape(-1, 2)
    return Copies(pictures.case[same].reshape(-1, 2), cases, pairs[:, 2], count > MOST_PAIRS)


def alike_images(pictures: Pictures, least: float) -> np.ndarray:
    """The pairs of images with the same pixels, or of a likeness of at least `least`, as the numbers of their cases.

    All pairs are compared, at no hash's mercy: 5,600 images in two seconds, ten times as many in a hundred times as
    long. Blank images are like none. Returns int of shape (pair, 2).
    """
    shown = np.flatnonzero(~pictures.blank)
    first, same = _same(pd.Series(pictures.digest[shown]), shown)
    starts = range(0, len(first), BLOCK)
    vectors = np.concatenate(
        [pictures.apart(first[:0]), *(pictures.apart(first[start : start + BLOCK]) for start in starts)]
    )
    found = [same]
    for start in starts:
        likeness = vectors[start : start + BLOCK] @ vectors[start:].T
        rows, columns = np.nonzero(likeness >= least)
        later = columns > rows
        found.append(np.column_stack([first[start + rows[later]], first[start + columns[later]]]))
    return pictures.case[np.concatenate(found)]


def same_texts(texts: pd.Series) -> Copies:
    """Texts, normalised, that are the same, and those that share most of their runs of three words."""
    shown = np.flatnonzero((texts != "").to_numpy())
    first, same = _same(texts.iloc[shown], shown)
    runs = shingles(texts.iloc[first].tolist())
    long = np.flatnonzero([len(each) > 0 for each in runs])
    bits = simhash([runs[place] for place in long])
    pairs, likeness = [], []
    for left, right in near_pairs(bits, radius_for(bits, TEXT_BITS)):
        for one, two in zip(long[left], long[right], strict=True):
            alike = jaccard(runs[one], runs[two])
            if alike >= SHARED:
                pairs.append((first[one], first[two]))
                likeness.append(alike)
        if len(pairs) > MOST_PAIRS:
            break
    near = np.array(pairs, int).reshape(-1, 2)
    return Copies(same, near, np.array(likeness), len(pairs) > MOST_PAIRS)


def _same(keys: pd.Series, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places of the first of each key, and pairs of the others with it."""
    codes, _ = pd.factorize(keys.to_numpy())
    first = np.unique(codes, return_index=True)[1]
    others = first[codes] != np.arange(len(codes))
    return places[first], np.column_stack([places[first[codes[others]]], places[others]]).reshape(-1, 2)


def _products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", first, second)

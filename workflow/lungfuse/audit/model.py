"""The model by which an audit measures what a flaw is worth: a random forest on columns, gaps, texts and images."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer

from lungfuse.audit.audited import Audited
from lungfuse.duplicates.pictures import standardised

TREES = 100
MOST_WORDS = 30  # of a category; rarer ones share a column
COMPONENTS = 16  # of a text and of an image
MOST_TERMS = 5_000
GAP = " is empty"


@dataclass(frozen=True)
class Matrix:
    """What the model reads: `values` float32 (row, feature); the column that each feature is made of, and whether it
    says no more than that the cell is empty."""

    values: np.ndarray
    source: list[str]
    of_gap: list[bool]

    def without(self, columns: set[str], gaps_alone: bool = False) -> np.ndarray:
        """The features that are not made of some columns, or that do not say where these are empty."""
        kept = [
            name not in columns or (gaps_alone and not gap) for name, gap in zip(self.source, self.of_gap, strict=True)
        ]
        return self.values[:, kept]


def matrix_of(data: Audited) -> Matrix:
    """The features of a table. In place of an empty cell is that of a row drawn at random, beside its gap."""
    blocks: list[tuple[str, np.ndarray, bool]] = []
    for name in data.reads:
        cells = data.cells[name]
        number = data.profiles[name].kind in ("number", "near-number")
        filled = (_numbers if number else _categories)(_filled(cells))
        blocks.append((name, filled, False))
        if (cells == "").any():
            blocks.append((name, (cells == "").to_numpy(np.float32)[:, None], True))
    blocks += [(name, _words(data.normalised(name)), False) for name in data.texts]
    if data.pictures is not None:
        blocks.append((data.roles.image, _images(data), False))
    blocks = [block for block in blocks if block[1].shape[1]]
    if not blocks:
        return Matrix(np.zeros((len(data), 0), np.float32), [], [])
    return Matrix(
        np.concatenate([values for _, values, _ in blocks], axis=1).astype(np.float32),
        [name for name, values, _ in blocks for _ in range(values.shape[1])],
        [gap for _, values, gap in blocks for _ in range(values.shape[1])],
    )


def scores_of(features: np.ndarray, values: np.ndarray, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """The share of the trees for each class or label, of test rows by a forest of the training rows, (test, label).

    `values` is 0, 1 or NaN where unknown, (row, label); of a label rows without one are not learned from.
    """
    found = np.zeros((len(test), values.shape[1]))
    learned = train[~np.isnan(values[train]).any(axis=1)]
    if values.shape[1] > 1 and (values[learned].sum(axis=1) == 1).all():  # a row is of one class
        forest = _forest(seed).fit(features[learned], values[learned].argmax(axis=1))
        found[:, forest.classes_] = forest.predict_proba(features[test])
        return found
    for label, column in enumerate(values.T):
        learned = train[~np.isnan(column[train])]
        if len(np.unique(column[learned])) == 2:
            found[:, label] = _forest(seed).fit(features[learned], column[learned]).predict_proba(features[test])[:, 1]
    return found


def _forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(TREES, random_state=seed)


def _filled(cells: pd.Series) -> pd.Series:
    """Cells with those of rows drawn at random in place of empty ones; the same rows for columns of the same gaps.

    With the median in their place, a forest would know the gaps by it.
    """
    known, empty = np.flatnonzero(cells != ""), np.flatnonzero(cells == "")
    if not len(known):
        return cells
    filled = cells.copy()
    filled.iloc[empty] = cells.iloc[np.random.default_rng(0).choice(known, len(empty))].to_numpy()
    return filled


def _numbers(cells: pd.Series) -> np.ndarray:
    numbers = pd.to_numeric(cells.str.extract(r"([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)", expand=False), errors="coerce")
    return numbers.fillna(numbers.median()).fillna(0).clip(-1e30, 1e30).to_numpy(np.float32)[:, None]


def _categories(cells: pd.Series) -> np.ndarray:
    words = cells[cells != ""].value_counts().index[:MOST_WORDS]
    return np.array([(cells == word).to_numpy(np.float32) for word in words]).reshape(len(words), len(cells)).T


def _words(texts: pd.Series) -> np.ndarray:
    try:
        counts = TfidfVectorizer(sublinear_tf=True, min_df=2, max_features=MOST_TERMS).fit_transform(texts)
    except ValueError:  # no word is in two texts
        return np.zeros((len(texts), 0), np.float32)
    size = min(COMPONENTS, counts.shape[1] - 1)
    return TruncatedSVD(size, random_state=0).fit_transform(counts) if size > 0 else counts.toarray()


def _images(data: Audited) -> np.ndarray:
    """Principal components of what an encoder makes of the images, or of thumbnails; zeros where there is none."""
    vectors = standardised(data.pictures.thumbnails) if data.vectors is None else data.vectors
    size = min(COMPONENTS, *vectors.shape)
    found = np.zeros((len(data), size), np.float32)
    found[data.pictures.case] = PCA(size, svd_solver="randomized", random_state=0).fit_transform(vectors)
    return found

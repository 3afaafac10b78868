"""A linear classifier on hashed n-grams, fitted in parts: its memory does not grow with the number of texts.

An n-gram counts in one of so many buckets (feature hashing, Weinberger et al., 2009, https://arxiv.org/abs/0902.2206),
so there is no vocabulary to hold; what is counted lies on disk and is read part by part, by every fold and step. TF-IDF
and the loss are those of scikit-learn's estimators, and so is the optimum, but for n-grams that share a bucket.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from lungfuse.files import atomic_array
from lungfuse.settings.base import ClassWeights
from lungfuse.tasks import Task
from lungfuse.train.estimators import (
    Learner,
    Models,
    by_class,
    constant,
    label_subproblems,
    no_words,
    of_decisions,
    of_label_columns,
)

PART = 2000  # texts at once
STEPS = 300
CORRECTIONS = 5  # of L-BFGS, each twice the size of the weights

LinearWeights = tuple[list[np.ndarray], float]
"""The weights of the buckets of each block, and the intercept."""
Loss = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Margins to losses and their derivatives, all of shape (text,)."""


@dataclass(frozen=True)
class HashedTexts:
    """Sparse rows of the logarithm of how often a text has an n-gram of a bucket, plus one, mapped from disk.

    `values` is float32 and `columns` int32, both (entry of all texts,); those of a text lie between two of `bounds`,
    (text + 1,).
    """

    values: np.ndarray
    columns: np.ndarray
    bounds: np.ndarray
    buckets: int

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def parts(self) -> Iterator[tuple[slice, csr_array]]:
        """The positions and rows, (part of the texts, bucket), of some texts after the other."""
        for start in range(0, len(self), PART):
            texts = slice(start, min(start + PART, len(self)))
            bounds = self.bounds[start : texts.stop + 1]
            entries = slice(bounds[0], bounds[-1])
            shape = (len(bounds) - 1, self.buckets)
            yield texts, csr_array((self.values[entries], self.columns[entries], bounds - bounds[0]), shape)


@dataclass(frozen=True)
class Weighted:
    """Hashed texts as TF-IDF of unit length: `idf` is (bucket,), 0 for buckets of too few texts; `scale` is (text,)."""

    texts: HashedTexts
    idf: np.ndarray
    scale: np.ndarray


def learner(
    model: str,
    texts: np.ndarray,
    targets: np.ndarray,
    task: Task,
    settings: dict[str, Any],
    class_weights: ClassWeights,
    folder: Path,
) -> Learner:
    """Fits `model`, tfidf or tfidf-logistic, on some positions of texts and scores others.

    Several classes are told apart one against the rest. What is counted is kept in `folder`. What was fitted is given
    as pipelines of scikit-learn, which hash texts anew.

    Raises:
        UserError: the texts to learn from have no n-gram in common.
    """
    vectorizers = vectorizers_of(settings, dtype=np.float32)
    hashed = [hash_texts(texts, vectorizer, folder / str(n)) for n, vectorizer in enumerate(vectorizers)]

    def learn(learned: np.ndarray, scored: np.ndarray) -> tuple[np.ndarray, Models]:
        columns, models = [], []
        for known, labels in label_subproblems(targets, learned):
            classes = np.unique(labels)
            if len(classes) < 2:
                models.append(constant(labels))
                columns.append(by_class(models[-1], texts[scored], task))
                continue
            blocks = [weigh(each, np.isin(np.arange(len(texts)), known), settings["min_df"]) for each in hashed]
            if not any(block.idf.any() for block in blocks):
                raise no_words()
            planes = [
                fit(blocks, signs, c, *LOSSES[model])
                for signs, c in against_rest(len(texts), known, labels, settings["c"], class_weights)
            ]
            found = np.stack([distances(blocks, *plane)[scored] for plane in planes], axis=1)
            columns.append(of_decisions(found[:, 0] if len(planes) == 1 else found, classes, task))
            models.append(pipeline(model, settings, blocks, classes, planes))
        return of_label_columns(columns, task), models

    return learn


def vectorizers_of(settings: dict[str, Any], dtype: type) -> list[HashingVectorizer]:
    """Texts to how often they have the n-grams of each bucket, of words and of characters."""
    shared = {"n_features": settings["buckets"], "norm": None, "alternate_sign": False, "dtype": dtype}
    found = [HashingVectorizer(ngram_range=tuple(settings["words"]), **shared)]
    if settings["characters"] is not None:
        found.append(HashingVectorizer(ngram_range=tuple(settings["characters"]), analyzer="char_wb", **shared))
    return found


def against_rest(
    count: int, known: np.ndarray, labels: np.ndarray, c: float, class_weights: ClassWeights
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The problems that tell the classes of `labels` apart: one of two classes, else each class against the rest.

    Yields the signs of `count` texts, 0 where not `known`, and their inverse regularisation, both (text,). Of several
    classes the weight is that of the one, and the rest counts as it is, as in LinearSVC.
    """
    classes, numbers = np.unique(labels, return_inverse=True)
    sizes = np.bincount(numbers)
    balanced = len(labels) / (len(classes) * sizes) if class_weights == "balanced" else np.ones(len(classes))
    for positive in [1] if len(classes) == 2 else range(len(classes)):
        signs, weights = np.zeros(count), np.zeros(count)
        signs[known] = np.where(numbers == positive, 1.0, -1.0)
        rest = balanced[0] if len(classes) == 2 else 1.0
        weights[known] = c * np.where(numbers == positive, balanced[positive], rest)
        yield signs, weights


def pipeline(
    model: str, settings: dict[str, Any], blocks: list[Weighted], classes: np.ndarray, planes: list[LinearWeights]
) -> BaseEstimator:
    """What was fitted as a pipeline of scikit-learn, which scores as these planes do."""
    transformers = []
    for vectorizer, block in zip(vectorizers_of(settings, dtype=np.float64), blocks, strict=True):
        weighing = TfidfTransformer(sublinear_tf=True)
        weighing.idf_ = block.idf
        transformers.append(make_pipeline(vectorizer, weighing))
    linear = LinearSVC() if model == "tfidf" else LogisticRegression()
    linear.classes_ = classes
    linear.coef_ = np.stack([np.concatenate(weights) for weights, _ in planes])
    linear.intercept_ = np.array([intercept for _, intercept in planes])
    linear.n_features_in_ = linear.coef_.shape[1]
    return make_pipeline(make_union(*transformers), linear)


def hash_texts(texts: np.ndarray, vectorizer: HashingVectorizer, folder: Path) -> HashedTexts:
    """Count n-grams in buckets, on disk in `folder`."""
    lengths = []
    files = [folder / "values.npy", folder / "columns.npy"]
    with atomic_array(files[0], np.float32, ()) as values, atomic_array(files[1], np.int32, ()) as columns:
        for start in range(0, len(texts), PART):
            counted = vectorizer.transform(texts[start : start + PART])
            values(1 + np.log(counted.data))
            columns(counted.indices)
            lengths.append(np.diff(counted.indptr))
    bounds = np.concatenate([[0], np.cumsum(np.concatenate(lengths), dtype=np.int64)])
    return HashedTexts(*(np.load(file, mmap_mode="r") for file in files), bounds, vectorizer.n_features)


def weigh(texts: HashedTexts, learn: np.ndarray, min_df: int) -> Weighted:
    """TF-IDF by the texts to `learn` from, bool of shape (text,); smoothed as in scikit-learn."""
    found = np.zeros(texts.buckets)
    for part, rows in texts.parts():
        found += np.bincount(rows[learn[part]].indices, minlength=texts.buckets)
    idf = np.where(found >= min_df, np.log((1 + learn.sum()) / (1 + found)) + 1, 0)
    scale = np.zeros(len(texts))
    for part, rows in texts.parts():
        squares = csr_array((np.square(rows.data), rows.indices, rows.indptr), rows.shape) @ np.square(idf)
        scale[part] = 1 / np.sqrt(np.where(squares > 0, squares, 1))
    return Weighted(texts, idf, scale)


def fit(blocks: list[Weighted], signs: np.ndarray, c: np.ndarray, loss: Loss, intercept_counts: bool) -> LinearWeights:
    """The plane that fits the texts whose sign is -1 or 1, not 0.

    `c` is the inverse regularisation of each text, (text,); `intercept_counts` says whether the intercept is
    regularised too.
    """
    used = [np.flatnonzero(block.idf) for block in blocks]
    places = np.cumsum([len(buckets) for buckets in used])
    total = c @ np.abs(signs)

    def spread(weights: np.ndarray) -> LinearWeights:
        """Weights of the buckets in use as those of all, for each block, and the intercept."""
        *by_block, intercept = np.split(weights, places)
        spread = [np.zeros(block.texts.buckets) for block in blocks]
        for of_all, buckets, of_used in zip(spread, used, by_block, strict=True):
            of_all[buckets] = of_used
        return spread, intercept.item()

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        kept = weights if intercept_counts else np.append(weights[:-1], 0.0)
        losses, slopes = loss(signs * distances(blocks, *spread(weights)))
        slopes = c * slopes * signs
        gradient = [(block.idf * _columns(block, slopes))[buckets] for block, buckets in zip(blocks, used, strict=True)]
        value = kept @ kept / 2 + c @ np.where(signs == 0, 0, losses)
        return value / total, (kept + np.append(np.concatenate(gradient), slopes.sum())) / total

    options = {"maxiter": STEPS, "maxcor": CORRECTIONS, "ftol": 1e-9, "gtol": 1e-7}
    found = minimize(objective, np.zeros(places[-1] + 1), jac=True, method="L-BFGS-B", options=options)
    return spread(found.x)


def distances(blocks: list[Weighted], weights: list[np.ndarray], intercept: float) -> np.ndarray:
    """Signed distances of all texts from a plane, (text,)."""
    found = np.full(len(blocks[0].texts), intercept)
    for block, of_block in zip(blocks, weights, strict=True):
        for part, rows in block.texts.parts():
            found[part] += block.scale[part] * (rows @ (block.idf * of_block))
    return found


def _columns(block: Weighted, slopes: np.ndarray) -> np.ndarray:
    """Sums over the texts of each bucket, each text weighted by its slope: (text,) to (bucket,)."""
    found = np.zeros(block.texts.buckets)
    for part, rows in block.texts.parts():
        found += rows.T @ (block.scale[part] * slopes[part])
    return found


def squared_hinge(margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    short = np.maximum(1 - margins, 0)
    return np.square(short), -2 * short


def logistic(margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.logaddexp(0, -margins), -expit(-margins)


LOSSES = {"tfidf": (squared_hinge, True), "tfidf-logistic": (logistic, False)}  # as LinearSVC and LogisticRegression

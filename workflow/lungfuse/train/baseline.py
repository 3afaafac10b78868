"""The baselines every neural model has to beat: the majority class, and TF-IDF with a linear support vector machine."""

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from lungfuse.errors import UserError
from lungfuse.ingest.split import positions
from lungfuse.settings.base import ClassWeights
from lungfuse.settings.baselines import BaselineSettings, LinearTextSettings
from lungfuse.settings.rows import Row
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs, Validation
from lungfuse.train import hashed
from lungfuse.train.predictions import write_predictions

Scorer = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Positions to learn from and to score, both of shape (pair,), to scores in [0, 1]."""

NO_WORDS = re.compile("no terms remain|empty vocabulary", re.I)  # of scikit-learn


def main(
    *,
    row: Row,
    baselines: BaselineSettings,
    class_weights: ClassWeights,
    seed: int,
    pairs: Path,
    validation: Path,
    predictions: Path,
    validated: Path,
) -> None:
    """Fit a baseline on the training folds and predict each test fold.

    Parameters
    ----------
    row
        The row of the comparison table: model and inputs.
    baselines
        Settings of the baselines.
    class_weights
        Whether both classes count the same.
    seed
        Seed of the solver.
    pairs
        Table of pairs with folds.
    validation
        Pairs to validate on in each fold; validated is a model that has not learned from them, tested one that has.
    predictions
        Output: out-of-fold predictions.
    validated
        Output: scores of the validation pairs of each fold.
    """
    table, held_out = read_table(pairs, Pairs), read_table(validation, Validation)
    inputs = (table[row.text] if row.text else table["pair_id"]).to_numpy()
    if row.text and not (inputs != "").any():
        raise UserError(f"{pairs}: no pair has {row.text}, which a row of model {row.model} reads. Remove the row.")
    settings = baselines.of(row)
    labels = table["label"].to_numpy()
    if settings and settings.buckets:
        predictions.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=predictions.parent) as folder:  # the usual place may be in memory
            score = hashed.scorer(row.model, inputs, labels, settings, class_weights, Path(folder))
            scores = by_fold(table, held_out, score)
    else:
        scores = by_fold(table, held_out, scorer(build(row, baselines, class_weights, seed), inputs, labels))
    write_predictions(table, scores, predictions, validated)


def build(row: Row, settings: BaselineSettings, class_weights: ClassWeights, seed: int) -> BaseEstimator:
    """The unfitted estimator of a row."""
    weights = weights_of(class_weights)
    match row.model:
        case "majority":
            return DummyClassifier(strategy="most_frequent")
        case "tfidf":
            machine = LinearSVC(C=settings.tfidf.c, class_weight=weights, random_state=seed)
            return make_pipeline(_tfidf(settings.tfidf), machine)
        case "tfidf-logistic":
            regression = LogisticRegression(C=settings.tfidf_logistic.c, class_weight=weights, random_state=seed)
            return make_pipeline(_tfidf(settings.tfidf_logistic), regression)


def _tfidf(settings: LinearTextSettings) -> BaseEstimator:
    shared = {"sublinear_tf": True, "min_df": settings.min_df}
    words = TfidfVectorizer(ngram_range=tuple(settings.words), **shared)
    if settings.characters is None:
        return words
    return make_union(words, TfidfVectorizer(ngram_range=tuple(settings.characters), analyzer="char_wb", **shared))


def weights_of(class_weights: ClassWeights) -> str | None:
    """The setting as scikit-learn takes it."""
    return "balanced" if class_weights == "balanced" else None


def scorer(model: BaseEstimator, inputs: np.ndarray, labels: np.ndarray) -> Scorer:
    """Fits an estimator on some rows of `inputs`, (pair, ...), and scores others.

    The signed distance from a linear machine's plane becomes a score through the logistic function.

    Raises:
        UserError: the texts to learn from have no n-gram in common.
    """

    def score(learned: np.ndarray, scored: np.ndarray) -> np.ndarray:
        try:
            model.fit(inputs[learned], labels[learned])
        except ValueError as error:
            if not NO_WORDS.search(str(error)):
                raise
            raise hashed.no_words() from error
        if hasattr(model, "decision_function"):
            return expit(model.decision_function(inputs[scored]))
        return model.predict_proba(inputs[scored])[:, 1]

    return score


def by_fold(pairs: pd.DataFrame, validation: pd.DataFrame, score: Scorer) -> list[pd.DataFrame]:
    """`FoldPredictions` of each fold: its validation pairs by a model that has not learned from them, its test pairs by
    one that has learned from all others."""
    found = []
    for fold in sorted(pairs["fold"].unique()):
        learn, validate, test = positions(pairs, validation, fold)
        parts = {"validation": (learn, validate), "test": (np.union1d(learn, validate), test)}
        scores = [
            pairs.iloc[scored][["pair_id", "label"]].assign(part=part, score=score(learned, scored))
            for part, (learned, scored) in parts.items()
        ]
        found.append(pd.concat(scores).assign(fold=fold, repeat=0))
    return found

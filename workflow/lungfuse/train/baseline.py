"""The baselines every neural model has to beat: the majority class, and TF-IDF with a linear support vector machine."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from lungfuse.errors import UserError
from lungfuse.settings import BaselineSettings, LinearTextSettings, Row
from lungfuse.tables import Pairs, Predictions, read_table, write_table
from lungfuse.train import hashed

NO_WORDS = re.compile("no terms remain|empty vocabulary", re.I)  # of scikit-learn


def main(*, row: Row, baselines: BaselineSettings, seed: int, pairs: Path, predictions: Path) -> None:
    """Fit a baseline on the training folds and predict each test fold.

    Parameters
    ----------
    row
        The row of the comparison table: model and inputs.
    baselines
        Settings of the baselines.
    seed
        Seed of the solver.
    pairs
        Table of pairs with folds.
    predictions
        Output: out-of-fold predictions, one row a pair.
    """
    table = read_table(pairs, Pairs)
    inputs = table[row.text] if row.text else table["pair_id"]
    if row.text and not (inputs != "").any():
        raise UserError(f"{pairs}: no pair has {row.text}, which a row of model {row.model} reads. Remove the row.")
    data = [column.to_numpy() for column in [inputs, table["label"], table["fold"]]]
    settings = baselines.of(row)
    if settings and settings.buckets:
        predictions.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=predictions.parent) as folder:  # the usual place may be in memory
            scores = hashed.out_of_fold(row.model, *data, settings, Path(folder))
    else:
        scores = out_of_fold(build(row, baselines, seed), *data)
    write_table(
        table.assign(score=scores.round(6), prediction=(scores.round(6) >= 0.5).astype(int)), predictions, Predictions
    )


def build(row: Row, settings: BaselineSettings, seed: int) -> BaseEstimator:
    """The unfitted estimator of a row."""
    match row.model:
        case "majority":
            return DummyClassifier(strategy="most_frequent")
        case "tfidf":
            machine = LinearSVC(C=settings.tfidf.c, random_state=seed)
            return make_pipeline(_tfidf(settings.tfidf), machine)
        case "tfidf-logistic":
            regression = LogisticRegression(C=settings.tfidf_logistic.c, random_state=seed)
            return make_pipeline(_tfidf(settings.tfidf_logistic), regression)


def _tfidf(settings: LinearTextSettings) -> BaseEstimator:
    shared = {"sublinear_tf": True, "min_df": settings.min_df}
    words = TfidfVectorizer(ngram_range=tuple(settings.words), **shared)
    if settings.characters is None:
        return words
    return make_union(words, TfidfVectorizer(ngram_range=tuple(settings.characters), analyzer="char_wb", **shared))


def out_of_fold(model: BaseEstimator, inputs: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Scores in [0, 1] of shape (pair,): each fold is scored by a model fitted on the others.

    The signed distance from a linear machine's plane becomes a score through the logistic function.

    Raises:
        UserError: the texts to learn from have no n-gram in common.
    """
    scores = np.empty(len(labels))
    for fold in np.unique(folds):
        test = folds == fold
        try:
            model.fit(inputs[~test], labels[~test])
        except ValueError as error:
            if not NO_WORDS.search(str(error)):
                raise
            raise hashed.no_words(fold) from error
        if hasattr(model, "decision_function"):
            scores[test] = expit(model.decision_function(inputs[test]))
        else:
            scores[test] = model.predict_proba(inputs[test])[:, 1]
    return scores

"""Gradient boosting of trees on all inputs: which of the most frequent n-grams a text has, the main components of the
mean tokens of images and of texts, and the columns.

How many trees there are is chosen so that held-out patients of the training pairs are predicted best.
"""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from lungfuse.models.bins import Binned
from lungfuse.models.columns import are_categories, as_numbers
from lungfuse.models.inner_folds import InnerSearch
from lungfuse.models.side_by_side import Dense, MainComponents, by_modality, standardised

REQUIRED, OPTIONAL, MIN_INPUTS = [], "any", 1
GROUPED, ENCODES = True, "any"
SETTINGS = {
    "components": {
        "description": "main components of an image's or a text's mean token, at most",
        "type": "integer",
        "minimum": 1,
        "default": 32,
    },
    "ngrams": {"description": "most frequent n-grams, at most", "type": "integer", "minimum": 1, "default": 300},
    "words": {
        "description": "shortest and longest n-grams of words",
        "type": "array",
        "items": {"type": "integer", "minimum": 1},
        "minItems": 2,
        "maxItems": 2,
        "ascending": True,
        "default": [1, 2],
    },
    "min_df": {"description": "texts that must have an n-gram", "type": "integer", "minimum": 1, "default": 2},
    "learning_rate": {"description": "of each tree", "type": "number", "exclusiveMinimum": 0, "default": 0.05},
    "iterations": {
        "description": "numbers of trees of which inner folds choose one",
        "type": "array",
        "items": {"type": "integer", "minimum": 1},
        "minItems": 1,
        "default": [50, 100, 200],
    },
    "leaves": {"description": "most leaves of a tree", "type": "integer", "minimum": 2, "default": 7},
    "min_leaf": {"description": "least pairs of a leaf", "type": "integer", "minimum": 1, "default": 10},
    "inner_folds": {"description": "folds of the training pairs", "type": "integer", "minimum": 2, "default": 3},
}


def build(
    inputs: list[str], kinds: dict[str, str], class_weight: str | None, seed: int, **settings: Any
) -> BaseEstimator:
    frequent = {"max_features": settings["ngrams"], "min_df": settings["min_df"], "binary": True}
    tokens = make_pipeline(*standardised(), MainComponents(settings["components"], seed), Binned())
    features = {
        "structured": as_numbers(kinds),
        "image": tokens,
        "text": make_pipeline(CountVectorizer(ngram_range=tuple(settings["words"]), **frequent), Dense()),
        "text tokens": clone(tokens),
    }
    read = [*inputs, *(["text tokens"] if "text" in inputs else [])]
    trees = HistGradientBoostingClassifier(
        learning_rate=settings["learning_rate"],
        max_leaf_nodes=settings["leaves"],
        min_samples_leaf=settings["min_leaf"],
        categorical_features=np.flatnonzero(are_categories(kinds)),  # columns come first
        early_stopping=False,
        class_weight=class_weight,
        random_state=seed,
    )
    search = InnerSearch(trees, {"max_iter": sorted(settings["iterations"])}, settings["inner_folds"], seed)
    return make_pipeline(by_modality({name: features[name] for name in read}, kinds), search)

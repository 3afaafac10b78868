"""A logistic regression on all inputs, each scaled as a whole, so that an input of many features outweighs no other.

The regularisation is that under which held-out patients of the training pairs are predicted best.
"""

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from lungfuse.models.columns import as_features
from lungfuse.models.inner_folds import InnerSearch
from lungfuse.models.ngrams import tfidf
from lungfuse.models.side_by_side import UnitScaler, by_modality, standardised

REQUIRED, OPTIONAL, MIN_INPUTS = [], "any", 1
GROUPED = True
SETTINGS = {
    "words": {
        "description": "shortest and longest n-grams of words",
        "type": "array",
        "items": {"type": "integer", "minimum": 1},
        "minItems": 2,
        "maxItems": 2,
        "ascending": True,
        "default": [1, 3],
    },
    "characters": {
        "description": "shortest and longest n-grams of characters within words; null, none",
        "type": ["array", "null"],
        "items": {"type": "integer", "minimum": 1},
        "minItems": 2,
        "maxItems": 2,
        "ascending": True,
        "default": [2, 5],
    },
    "min_df": {"description": "texts that must have an n-gram", "type": "integer", "minimum": 1, "default": 2},
    "c": {
        "description": "inverse regularisations of which inner folds choose one",
        "type": "array",
        "items": {"type": "number", "exclusiveMinimum": 0},
        "minItems": 1,
        "default": [0.1, 1.0, 10.0, 100.0],
    },
    "inner_folds": {"description": "folds of the training pairs", "type": "integer", "minimum": 2, "default": 3},
}


def build(
    inputs: list[str], kinds: dict[str, str], class_weight: str | None, seed: int, **settings: Any
) -> BaseEstimator:
    ngrams = tfidf(settings["words"], settings["characters"], settings["min_df"], None)
    features = {
        "image": make_pipeline(*standardised(), UnitScaler()),
        "text": make_pipeline(ngrams, UnitScaler()),
        "structured": make_pipeline(as_features(kinds), UnitScaler()),
    }
    regression = LogisticRegression(class_weight=class_weight, max_iter=1000)
    search = InnerSearch(regression, {"C": sorted(settings["c"])}, settings["inner_folds"], seed)
    return make_pipeline(by_modality({name: features[name] for name in inputs}, kinds), search)

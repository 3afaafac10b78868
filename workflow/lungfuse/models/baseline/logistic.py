"""A logistic regression on structured columns: numbers standardised, categories one by one, missing values marked."""

from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from lungfuse.models.columns import as_features

REQUIRED = ["structured"]
SETTINGS = {"c": {"description": "inverse regularisation", "type": "number", "exclusiveMinimum": 0, "default": 1.0}}


def build(kinds: dict[str, str], class_weight: str | None, seed: int, c: float) -> BaseEstimator:
    regression = LogisticRegression(C=c, class_weight=class_weight, random_state=seed, max_iter=1000)
    return make_pipeline(as_features(kinds), regression)

"""Linear probe: a logistic regression on standardised mean tokens of a frozen encoder."""

from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NEEDS, MAY, LEAST = [], ["image", "text"], 1
SETTINGS = {"c": {"description": "inverse regularisation", "type": "number", "exclusiveMinimum": 0, "default": 0.01}}


def build(class_weight: str | None, seed: int, c: float) -> BaseEstimator:
    return make_pipeline(StandardScaler(), LogisticRegression(C=c, class_weight=class_weight, max_iter=1000))

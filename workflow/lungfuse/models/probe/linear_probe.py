"""Linear probe: a logistic regression on standardised mean tokens of frozen encoders.

What a pair lacks counts as the mean of the pairs learned from that have it.
"""

from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

REQUIRED, OPTIONAL, MIN_INPUTS = [], ["image", "text"], 1
SETTINGS = {"c": {"description": "inverse regularisation", "type": "number", "exclusiveMinimum": 0, "default": 0.01}}


def build(class_weight: str | None, seed: int, c: float) -> BaseEstimator:
    at_mean = SimpleImputer(strategy="constant", fill_value=0, keep_empty_features=True)
    regression = LogisticRegression(C=c, class_weight=class_weight, max_iter=1000)
    return make_pipeline(StandardScaler(), at_mean, regression)

"""The mean number of the pairs that are learned from."""

from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier

REQUIRED = []
LEARNS = ["numbers"]


def build(class_weight: str | None, seed: int) -> BaseEstimator:
    return DummyClassifier(strategy="prior")

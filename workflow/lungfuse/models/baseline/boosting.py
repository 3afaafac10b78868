"""Gradient boosting of trees on histograms of structured columns; a missing value takes the better side of a split."""

from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from lungfuse.models.columns import are_categories, as_numbers

REQUIRED = ["structured"]
SETTINGS = {
    "learning_rate": {"description": "of each tree", "type": "number", "exclusiveMinimum": 0, "default": 0.05},
    "iterations": {"description": "trees", "type": "integer", "minimum": 1, "default": 100},
    "leaves": {"description": "most leaves of a tree", "type": "integer", "minimum": 2, "default": 7},
    "min_leaf": {"description": "least pairs of a leaf", "type": "integer", "minimum": 1, "default": 10},
}


def build(
    kinds: dict[str, str],
    class_weight: str | None,
    seed: int,
    learning_rate: float,
    iterations: int,
    leaves: int,
    min_leaf: int,
) -> BaseEstimator:
    trees = HistGradientBoostingClassifier(
        learning_rate=learning_rate,
        max_iter=iterations,
        max_leaf_nodes=leaves,
        min_samples_leaf=min_leaf,
        categorical_features=are_categories(kinds),
        early_stopping=False,
        class_weight=class_weight,
        random_state=seed,
    )
    return make_pipeline(as_numbers(kinds), trees)

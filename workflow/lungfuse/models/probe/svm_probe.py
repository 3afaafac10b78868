"""A support vector machine on standardised mean tokens of frozen encoders.

Cortes and Vapnik, Support-vector networks, Machine Learning 20, 1995, https://doi.org/10.1007/BF00994018.

Kernel and C are those that rank held-out patients of the training pairs best. What a pair lacks counts as the mean of
the pairs learned from that have it.
"""

from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from lungfuse.models.inner_folds import InnerSearch, mean_auroc
from lungfuse.models.side_by_side import standardised

REQUIRED, OPTIONAL, MIN_INPUTS = [], ["image", "text"], 1
LEARNS = ["classes", "grades"]
GROUPED = True
SETTINGS = {
    "kernels": {
        "description": "kernels of which inner folds choose one",
        "type": "array",
        "items": {"enum": ["linear", "rbf"]},
        "minItems": 1,
        "uniqueItems": True,
        "default": ["linear", "rbf"],
    },
    "c": {
        "description": "inverse regularisations of which inner folds choose one",
        "type": "array",
        "items": {"type": "number", "exclusiveMinimum": 0},
        "minItems": 1,
        "default": [0.001, 0.01, 0.1, 1.0, 10.0],
    },
    "inner_folds": {"description": "folds of the training pairs", "type": "integer", "minimum": 2, "default": 3},
}


def build(class_weight: str | None, seed: int, kernels: list[str], c: list[float], inner_folds: int) -> BaseEstimator:
    machine = SVC(class_weight=class_weight)
    grid = {"kernel": kernels, "C": sorted(c)}
    return make_pipeline(*standardised(), InnerSearch(machine, grid, inner_folds, seed, mean_auroc))

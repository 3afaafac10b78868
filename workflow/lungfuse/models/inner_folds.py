"""A setting of an estimator chosen by folds of the pairs that it learns from, by group."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.utils.class_weight import compute_sample_weight

Splits = list[tuple[np.ndarray, np.ndarray]]


class InnerSearch(BaseEstimator):
    """Fits an estimator with that value in `grid` with which held-out groups are scored best; of equals the first.

    Best is the least of the loss that the estimator minimises, with its weights of classes. Where a class has too few
    groups to be both learned and held out, the first value is taken.
    """

    def __init__(self, estimator: BaseEstimator, grid: dict[str, list], folds: int, seed: int) -> None:
        self.estimator, self.grid, self.folds, self.seed = estimator, grid, folds, seed

    def fit(self, X: np.ndarray | csr_array, y: np.ndarray, groups: np.ndarray) -> "InnerSearch":  # noqa: N803
        splits = self._splits(y, groups)
        if splits:
            search = GridSearchCV(self.estimator, self.grid, scoring=negative_loss, cv=splits).fit(X, y)
            self.best_estimator_ = search.best_estimator_
        else:
            first = {name: values[0] for name, values in self.grid.items()}
            self.best_estimator_ = clone(self.estimator).set_params(**first).fit(X, y)
        return self

    def _splits(self, y: np.ndarray, groups: np.ndarray) -> Splits:
        """Positions to learn from and to score, of those folds in which all classes are learned."""
        rarest = min(len(np.unique(groups[y == each])) for each in np.unique(y))
        if rarest < 2 or len(next(iter(self.grid.values()))) < 2:
            return []
        folds = StratifiedGroupKFold(min(self.folds, rarest), shuffle=True, random_state=self.seed)
        found = folds.split(y, y, groups)
        return [(known, held) for known, held in found if len(held) and len(set(y[known])) == len(set(y))]


def negative_loss(estimator: Any, X: np.ndarray | csr_array, y: np.ndarray) -> float:  # noqa: N803
    """Minus the mean log loss, every pair weighed as the estimator weighs its class."""
    weights = compute_sample_weight(estimator.class_weight, y)
    return -log_loss(y, estimator.predict_proba(X), sample_weight=weights, labels=estimator.classes_)

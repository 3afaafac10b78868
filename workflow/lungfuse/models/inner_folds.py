"""Settings of an estimator chosen by folds of the pairs that it learns from, by group."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, ParameterGrid, StratifiedGroupKFold
from sklearn.utils.class_weight import compute_sample_weight

Splits = list[tuple[np.ndarray, np.ndarray]]
Scoring = Callable[[Any, np.ndarray | csr_array, np.ndarray], float]


class InnerSearch(BaseEstimator):
    """Fits an estimator with those values in `grid` with which held-out groups are scored best; of equals the first.

    Best is what `scoring` finds greatest. Where a class has too few groups to be both learned and held out, the first
    values are taken. With weights, best is the least log loss, of pairs by their weights.
    """

    def __init__(
        self, estimator: BaseEstimator, grid: dict[str, list], folds: int, seed: int, scoring: Scoring | None = None
    ) -> None:
        self.estimator, self.grid, self.folds, self.seed = estimator, grid, folds, seed
        self.scoring = scoring

    def fit(
        self,
        X: np.ndarray | csr_array,  # noqa: N803
        y: np.ndarray,
        groups: np.ndarray,
        sample_weight: np.ndarray | None = None,
    ) -> "InnerSearch":
        splits = self._splits(y, groups)
        if sample_weight is not None:
            self.best_estimator_ = self._weighed(X, y, sample_weight, splits)
        elif splits:
            scoring = self.scoring or negative_loss
            search = GridSearchCV(self.estimator, self.grid, scoring=scoring, cv=splits).fit(X, y)
            self.best_estimator_ = search.best_estimator_
        else:
            first = {name: values[0] for name, values in self.grid.items()}
            self.best_estimator_ = clone(self.estimator).set_params(**first).fit(X, y)
        return self

    def _weighed(
        self,
        X: np.ndarray | csr_array,  # noqa: N803
        y: np.ndarray,
        weights: np.ndarray,
        splits: Splits,
    ) -> BaseEstimator:
        def loss(values: dict[str, Any]) -> float:
            lost = []
            for known, held in splits:
                found = clone(self.estimator).set_params(**values)
                found.fit(X[known], y[known], sample_weight=weights[known])
                lost.append(log_loss(y[held], found.predict_proba(X[held]), sample_weight=weights[held]))
            return float(np.mean(lost)) if lost else 0.0

        best = min(ParameterGrid(self.grid), key=loss)
        return clone(self.estimator).set_params(**best).fit(X, y, sample_weight=weights)

    def _splits(self, y: np.ndarray, groups: np.ndarray) -> Splits:
        """Positions to learn from and to score, of those folds in which all classes are learned."""
        rarest = min(len(np.unique(groups[y == each])) for each in np.unique(y))
        if rarest < 2 or all(len(values) < 2 for values in self.grid.values()):
            return []
        folds = StratifiedGroupKFold(min(self.folds, rarest), shuffle=True, random_state=self.seed)
        found = folds.split(y, y, groups)
        return [(known, held) for known, held in found if len(held) and len(set(y[known])) == len(set(y))]


def negative_loss(estimator: Any, X: np.ndarray | csr_array, y: np.ndarray) -> float:  # noqa: N803
    """Minus the mean log loss, every pair weighed as the estimator weighs its class."""
    weights = compute_sample_weight(estimator.class_weight, y)
    return -log_loss(y, estimator.predict_proba(X), sample_weight=weights, labels=estimator.classes_)


def mean_auroc(estimator: Any, X: np.ndarray | csr_array, y: np.ndarray) -> float:  # noqa: N803
    """The mean AUROC of those classes that some pairs are of and some are not, by their distance from the margin."""
    distances = estimator.decision_function(X)
    if distances.ndim == 1:
        return float(roc_auc_score(y == estimator.classes_[1], distances)) if len(set(y)) > 1 else 0.5
    of_class = [(y == each, found) for each, found in zip(estimator.classes_, distances.T, strict=True)]
    return float(np.mean([roc_auc_score(there, found) for there, found in of_class if 0 < there.sum() < len(y)] or 0.5))

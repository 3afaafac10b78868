"""Structured columns as numbers, for the estimators of scikit-learn.

`kinds` says of each column that a row reads, in its order, whether it is a number or a category.
"""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from lungfuse.models.bins import BINS, Binned


def as_values(frame: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """Columns of a table of strings, empty where missing, as numbers and categories, NaN where missing."""
    present = frame[list(kinds)].astype(object).where(frame[list(kinds)] != "")
    numbers = names_of("number", kinds)
    return present.assign(**{name: pd.to_numeric(present[name]).astype(float) for name in numbers})


def as_features(kinds: dict[str, str]) -> BaseEstimator:
    """Numbers standardised, with the mean in place of a missing one and a mark of it; a column a category.

    Missing is a category too; one that the training part does not have is none of them.
    """
    numbers = make_pipeline(SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore")
    return make_column_transformer(
        (numbers, names_of("number", kinds)), (categories, names_of("category", kinds)), sparse_threshold=0
    )


def as_numbers(kinds: dict[str, str]) -> BaseEstimator:
    """Numbers binned, NaN where missing; behind them categories numbered, the rarest as one where trees cannot
    distinguish all, NaN where missing or unknown."""
    missing = float("nan")
    categories = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=missing, max_categories=BINS)
    numbers = make_pipeline(WithoutEmpty(), Binned())
    return make_column_transformer((numbers, names_of("number", kinds)), (categories, names_of("category", kinds)))


class WithoutEmpty(TransformerMixin, BaseEstimator):
    """Numbers as they are, but zeros in a column without any among those learned from, which trees do not take."""

    def fit(self, X: pd.DataFrame, y: np.ndarray | None = None) -> "WithoutEmpty":  # noqa: N803
        self.empty_ = X.isna().all().to_numpy()
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """(pair, number), of the same shape."""
        return np.where(self.empty_, 0.0, X.to_numpy())


def are_categories(kinds: dict[str, str]) -> list[bool]:
    """Which columns of `as_numbers` are categories."""
    return [kind == "category" for kind in ("number", "category") for _ in names_of(kind, kinds)]


def names_of(kind: str, kinds: dict[str, str]) -> list[str]:
    """The columns of a kind."""
    return [name for name, each in kinds.items() if each == kind]

"""Structured columns as numbers, for the estimators of scikit-learn."""

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

NUMBERS, CATEGORIES = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")


def as_features() -> BaseEstimator:
    """Numbers standardised, with the mean in place of a missing one and a mark of it; a column a category."""
    numbers = make_pipeline(SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler())
    return make_column_transformer((numbers, NUMBERS), (OneHotEncoder(handle_unknown="ignore"), CATEGORIES))


def as_numbers() -> BaseEstimator:
    """Numbers as they are, NaN where missing; categories numbered, NaN where missing or unknown."""
    categories = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=float("nan"))
    return make_column_transformer(("passthrough", NUMBERS), (categories, CATEGORIES))


def category_places(columns: pd.DataFrame) -> list[bool]:
    """Which columns of `as_numbers` are categories."""
    numbers = columns.select_dtypes("number").shape[1]
    return [False] * numbers + [True] * (columns.shape[1] - numbers)

"""Several inputs of a case side by side in a frame, and what estimators of scikit-learn make of each.

A frame has a row a case: the mean tokens of its image and of its text, where an encoder reads them (NaN where it lacks
one), its text (empty where it lacks one), and structured columns as `lungfuse.models.columns.as_values` gives them. No
name of a structured column has a colon.
"""

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import TruncatedSVD
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

TEXT = "text:"
TOKENS = r"^{}:\d"  # the places of a mean token, of a modality
ORDER = ["structured", "image", "text", "text tokens"]
Matrix = np.ndarray | csr_array


def side_by_side(means: dict[str, np.ndarray], texts: np.ndarray | None, columns: pd.DataFrame | None) -> pd.DataFrame:
    """The inputs that a model reads, None where it does not read one, as a frame.

    `means` are float32 of shape (case, width) by modality, `texts` of shape (case,).
    """
    found = []
    for modality, tokens in means.items():
        found.append(pd.DataFrame(tokens, columns=[f"{modality}:{place}" for place in range(tokens.shape[1])]))
    if texts is not None:
        found.append(pd.DataFrame({TEXT: texts}))
    if columns is not None:
        found.append(columns.reset_index(drop=True))
    return pd.concat(found, axis=1)


def without(modality: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A frame as if no case had a modality."""
    of_columns = modality == "structured"
    names = [name for name in frame if (":" not in name if of_columns else name.startswith(f"{modality}:"))]
    return frame.assign(**{name: "" if name == TEXT else np.nan for name in names})


def by_modality(features: dict[str, BaseEstimator], kinds: dict[str, str]) -> ColumnTransformer:
    """What estimators make of each modality of a frame, and of the tokens of texts, side by side: columns first, as
    `kinds` names them."""
    columns = {"structured": list(kinds), "image": make_column_selector(TOKENS.format("image")), "text": TEXT}
    columns["text tokens"] = make_column_selector(TOKENS.format("text"))
    return ColumnTransformer([(name, features[name], columns[name]) for name in ORDER if name in features])


def standardised() -> list[BaseEstimator]:
    """Steps to features of mean 0 and deviation 1; what a case lacks is at the mean."""
    return [StandardScaler(), SimpleImputer(strategy="constant", fill_value=0, keep_empty_features=True)]


class UnitScaler(TransformerMixin, BaseEstimator):
    """Features divided by one number, so that the mean square of a row's length is 1 among the cases learned from."""

    def fit(self, X: Matrix, y: np.ndarray | None = None) -> "UnitScaler":  # noqa: N803
        squares = X.multiply(X).sum() if hasattr(X, "multiply") else np.square(X, dtype=float).sum()
        self.length_ = float(np.sqrt(squares / X.shape[0])) or 1.0
        return self

    def transform(self, X: Matrix) -> Matrix:  # noqa: N803
        return X / self.length_


class MainComponents(TransformerMixin, BaseEstimator):
    """The main components of features, (case, component): `count` of them, or fewer where there are fewer features."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed

    def fit(self, X: Matrix, y: np.ndarray | None = None) -> "MainComponents":  # noqa: N803
        count = max(1, min(self.count, X.shape[1] - 1, X.shape[0] - 1))
        self.svd_ = TruncatedSVD(count, random_state=self.seed).fit(X)
        return self

    def transform(self, X: Matrix) -> np.ndarray:  # noqa: N803
        return self.svd_.transform(X)


class Dense(TransformerMixin, BaseEstimator):
    """Sparse features as an array, which trees want."""

    def fit(self, X: csr_array, y: np.ndarray | None = None) -> "Dense":  # noqa: N803
        self.features_ = X.shape[1]
        return self

    def transform(self, X: csr_array) -> np.ndarray:  # noqa: N803
        return X.toarray().astype(np.float32)

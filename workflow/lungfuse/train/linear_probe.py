"""Linear probe: a logistic regression on the mean tokens of a frozen encoder."""

from pathlib import Path

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lungfuse.settings.base import ClassWeights
from lungfuse.settings.baselines import BaselineSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs, Validation
from lungfuse.train.baseline import by_fold, scorer, weights_of
from lungfuse.train.data import read_features
from lungfuse.train.predictions import write_predictions


def main(
    *,
    baselines: BaselineSettings,
    class_weights: ClassWeights,
    pairs: Path,
    validation: Path,
    features: Path,
    predictions: Path,
    validated: Path,
) -> None:
    """Predict each test fold with a logistic regression on standardised mean tokens.

    Parameters
    ----------
    baselines
        Settings of the baselines.
    class_weights
        Whether both classes count the same.
    pairs
        Table of pairs with folds.
    validation
        Pairs to validate on in each fold, as for the other baselines.
    features
        Folder with the tokens of a frozen encoder.
    predictions
        Output: out-of-fold predictions.
    validated
        Output: scores of the validation pairs of each fold.
    """
    table = read_table(pairs, Pairs)
    pooled = read_features(features, table["pair_id"]).means()
    weights = weights_of(class_weights)
    regression = LogisticRegression(C=baselines.linear_probe.c, class_weight=weights, max_iter=1000)
    score = scorer(make_pipeline(StandardScaler(), regression), pooled, table["label"].to_numpy())
    write_predictions(table, by_fold(table, read_table(validation, Validation), score), predictions, validated)

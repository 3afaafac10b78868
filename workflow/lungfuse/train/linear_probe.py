"""Linear probe: a logistic regression on the mean tokens of a frozen encoder."""

from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lungfuse.settings import BaselineSettings
from lungfuse.tables import Pairs, read_table
from lungfuse.train.data import read_features
from lungfuse.train.gather import write_predictions


def main(*, baselines: BaselineSettings, pairs: Path, features: Path, predictions: Path) -> None:
    """Predict each test fold with a logistic regression on standardised mean tokens.

    Parameters
    ----------
    baselines
        Settings of the baselines.
    pairs
        Table of pairs with folds.
    features
        Folder with the tokens of a frozen encoder.
    predictions
        Output: out-of-fold predictions, one row a pair.
    """
    table = read_table(pairs, Pairs)
    pooled = read_features(features, table["pair_id"]).means()
    scores = pd.Series(0.0, index=table.index)
    for fold in sorted(table["fold"].unique()):
        test = (table["fold"] == fold).to_numpy()
        model = make_pipeline(StandardScaler(), LogisticRegression(C=baselines.linear_probe.c, max_iter=1000))
        model.fit(pooled[~test], table["label"][~test])
        scores[test] = model.predict_proba(pooled[test])[:, 1]
    write_predictions(table, table[["pair_id"]].assign(score=scores), predictions)

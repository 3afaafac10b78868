"""Predictions against what is known of their cases."""

import warnings
from pathlib import Path

import pandas as pd
from scipy.stats import DegenerateDataWarning

from lungfuse.compare.scores import score_with_intervals
from lungfuse.errors import UserError

GROUPS = ["group", "patient"]  # the first of these columns that a table has
CONFIDENCE, RESAMPLES, SEED = 0.95, 5000, 0


def read_truth(cases: pd.DataFrame, column: str, labels: list[str], source: Path) -> pd.DataFrame:
    """The true class of each case, as `label` 0 or 1, or -1 where nobody knows it, and its `group`.

    `column` names a class of `labels`, or 0 or 1. A case without a group is one of its own.

    Raises:
        UserError: there is no such column, or it names another class, or fewer than two groups have one.
    """
    if column not in cases:
        raise UserError(f"{source}: no column {column}; found {', '.join(cases)}. Name one of them with --truth.")
    numbers = {"": -1, "0": 0, "1": 1} | {label.casefold(): number for number, label in enumerate(labels)}
    found = cases[column].astype(str).str.strip().str.casefold().map(numbers)
    if found.isna().any():
        wrong = cases[column][found.isna()]
        raise UserError(
            f"{source}: column {column}: found {wrong.iloc[0]!r} for case {cases['id'][wrong.index[0]]!r} "
            f"({len(wrong):,} such values), expected {labels[0]}, {labels[1]}, 0, 1, or nothing."
        )
    own = "case " + cases["id"]
    by = next((name for name in GROUPS if name in cases), None)
    groups = own if by is None else cases[by].where(cases[by].str.strip() != "", own)
    known = pd.DataFrame({"label": found.astype(int), "group": groups})
    if known["group"][known["label"] >= 0].nunique() < 2:
        raise UserError(
            f"{source}: column {column}: tells the class of fewer than two {by or 'case'}s, expected more for "
            "intervals. Fill the column, or leave --truth out."
        )
    return known


def scores_of(known: pd.DataFrame, score: pd.Series) -> pd.DataFrame:
    """One row a metric: value, low and high, NaN where one class is absent, and n, the cases whose class is known."""
    scored = known.assign(score=score)
    scored = scored[scored["label"] >= 0]
    labels, scores = scored["label"].to_numpy(), scored["score"].to_numpy()
    predictions = (scores >= 0.5).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)  # of what one class does not define
        found = score_with_intervals(
            labels, scores, predictions, scored["group"].to_numpy(), CONFIDENCE, RESAMPLES, SEED
        )
    table = pd.DataFrame(found, index=["value", "low", "high"]).T.rename_axis("metric").reset_index()
    return table.assign(n=len(scored), groups=scored["group"].nunique())

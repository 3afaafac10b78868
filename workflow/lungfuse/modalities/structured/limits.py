"""The range of a structured column of numbers."""

import pandas as pd


def limits_of(values: pd.Series) -> dict[str, float | None]:
    """The least and the greatest of some numbers; None where there are none."""
    known = values.dropna()
    return {"low": float(known.min()), "high": float(known.max())} if len(known) else {"low": None, "high": None}

"""The structured columns of new cases."""

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.modalities.new_cases import Batch, Column, Preprocessing
from lungfuse.modalities.structured.inputs import StructuredSource, typed


def columns(choice: list[str], known: list[dict]) -> list[Column]:
    return [_merged(name, [each for each in known if each["name"] == name]) for name in choice]


def check(frame: pd.DataFrame, columns: list[Column]) -> None:
    """See that numbers are numbers.

    Raises:
        UserError: one is not: case, column and value are named.
    """
    for column in columns:
        if column.kind != "number":
            continue
        given = frame[column.name][frame[column.name] != ""]
        wrong = given[~np.isfinite(pd.to_numeric(given, errors="coerce").to_numpy(float))]
        if len(wrong):
            unit = f" in {column.unit}" if column.unit else ""
            case = frame["id"][wrong.index[0]]  # a single case has none
            raise UserError(
                f"{f'case {case!r}, ' if case else ''}column {column.name}: found {wrong.iloc[0]!r} ({len(wrong):,} "
                f"such values), expected a number{unit}, or nothing where it is not known."
            )


def read(batch: Batch, choice: list[str], preprocessing: Preprocessing) -> StructuredSource:
    fitted = preprocessing.known["structured"]
    frame = pd.DataFrame({name: batch.column(name) for name in choice})
    return StructuredSource(typed(frame, {each["name"]: each["kind"] for each in fitted}), fitted)


def _merged(name: str, known: list[dict]) -> Column:
    """What all models together know of a column."""
    categories = sorted({category for each in known for category in each.get("categories", [])})
    unit = next((each["unit"] for each in known if each.get("unit")), "")
    low, high = ([each[end] for each in known if each.get(end) is not None] for end in ["low", "high"])
    return Column(name, known[0]["kind"], unit, categories, min(low, default=None), max(high, default=None))

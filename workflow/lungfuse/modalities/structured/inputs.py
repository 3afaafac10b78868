"""The structured columns of pairs: numbers scaled by the pairs to learn from, categories by their number."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import torch
from pydantic import Field, TypeAdapter
from torch import Tensor

from lungfuse.errors import UserError
from lungfuse.modalities.data_files import DataFiles
from lungfuse.modalities.structured.limits import limits_of
from lungfuse.modalities.structured.tokens import ColumnTokens
from lungfuse.settings.base import Settings
from lungfuse.settings.training import TrainSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Columns, Structured

MISSING = -1  # in place of the number of a category


@dataclass(frozen=True)
class StructuredSource:
    """A frame of columns, floats or texts, a row a pair; missing are NaN and the empty text. `units` are of numbers.

    Once fitted, a batch holds `numbers`, float32 (B, number), NaN where missing, and `categories`, int64 (B, category),
    `MISSING` where missing or not among those that were learned from.
    """

    frame: pd.DataFrame
    fitted: list[dict] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)

    @property
    def lengths(self) -> np.ndarray:
        return np.zeros(len(self.frame), int)

    def batch(self, positions: list[int]) -> dict[str, Tensor]:
        rows = self.frame.iloc[positions]
        return as_batch(rows, self.fitted)

    def reordered(self, order: np.ndarray) -> "StructuredSource":
        return replace(self, frame=self.frame.iloc[order])

    def dropped(self) -> "StructuredSource":
        missing = {name: np.nan if is_number(values) else "" for name, values in self.frame.items()}
        return replace(self, frame=self.frame.assign(**missing))

    def fit(self, train_indices: np.ndarray) -> "StructuredSource":
        fitted = [measure(values) for _, values in self.frame.iloc[train_indices].items()]
        return replace(self, fitted=[each | {"unit": self.units.get(each["name"], "")} for each in fitted])


def read(data_files: DataFiles, choice: list[str]) -> StructuredSource:
    """Some structured columns, in the order of the pairs.

    Raises:
        UserError: a column is unknown, or no pair has a value in any of them.
    """
    frame = read_columns(data_files, choice)
    if absent_rows(frame).all():
        raise UserError(f"{data_files.structured}: no pair has any of {', '.join(choice)}, which a row reads.")
    units = read_table(data_files.columns, Columns).set_index("name")["unit"].to_dict()
    return StructuredSource(frame, units=units)


def read_columns(data_files: DataFiles, choice: list[str]) -> pd.DataFrame:
    """Some structured columns of pairs, as floats and texts.

    Raises:
        UserError: a column is unknown, or a pair has no row.
    """
    kinds = read_table(data_files.columns, Columns).set_index("name")["kind"]
    found = read_table(data_files.structured, Structured).set_index("pair_id")
    if unknown := [name for name in choice if name not in kinds or name not in found]:
        raise UserError(
            f"{data_files.structured}: no column {', '.join(unknown)}, which rows read; found {', '.join(kinds.index)}."
        )
    if strangers := set(data_files.pairs["pair_id"]) - set(found.index):
        raise UserError(f"{data_files.structured}: {len(strangers)} pairs have no row, {min(strangers)} first.")
    return typed(found.loc[data_files.pairs["pair_id"], choice].reset_index(drop=True), kinds.to_dict())


def typed(frame: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """Columns of texts as floats and texts by their kinds, number or category."""
    return pd.DataFrame(
        {
            name: pd.to_numeric(values.replace("", np.nan)).astype(float) if kinds[name] == "number" else values
            for name, values in frame.items()
        }
    )


def is_number(values: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(values)


def absent_rows(frame: pd.DataFrame) -> np.ndarray:
    """Which rows have no value at all, (row,)."""
    return frame.replace("", np.nan).isna().all(axis=1).to_numpy()


def measure(values: pd.Series) -> dict:
    """What a column is scaled by, from the pairs to learn from."""
    if is_number(values):
        mean, spread = (float(number) if np.isfinite(number) else 0.0 for number in [values.mean(), values.std(ddof=0)])
        scaled_by = {"name": values.name, "kind": "number", "mean": mean, "std": spread or 1.0}
        return scaled_by | limits_of(values)
    return {"name": values.name, "kind": "category", "categories": sorted(set(values) - {""})}


class FittedNumber(Settings):
    """What `measure` says of a number."""

    name: str
    kind: Literal["number"]
    mean: float
    std: Annotated[float, Field(gt=0)]
    low: float | None = None
    high: float | None = None
    unit: str = ""


class FittedCategory(Settings):
    """What `measure` says of a category."""

    name: str
    kind: Literal["category"]
    categories: list[str]
    unit: str = ""


FITTED = TypeAdapter(list[Annotated[FittedNumber | FittedCategory, Field(discriminator="kind")]])


def check_fitted(fitted: list[dict], choice: list[str]) -> None:
    """See that this is what `measure` says of the columns of a choice; raises ValueError where it is not."""
    names = [each.name for each in FITTED.validate_python(fitted, strict=True)]
    if names != choice:
        raise ValueError(f"fitted.structured: found {', '.join(names)}, expected {', '.join(choice)}")


def as_batch(rows: pd.DataFrame, fitted: list[dict]) -> dict[str, Tensor]:
    """Rows of columns as a batch, by what was measured of each column."""
    numbers = [(rows[each["name"]] - each["mean"]) / each["std"] for each in fitted if each["kind"] == "number"]
    categories = [
        pd.Index(each["categories"], dtype=str).get_indexer(rows[each["name"]])
        for each in fitted
        if each["kind"] == "category"
    ]
    return {
        "numbers": torch.tensor(np.array(numbers).reshape(-1, len(rows)).T, dtype=torch.float32),
        "categories": torch.tensor(np.array(categories).reshape(-1, len(rows)).T, dtype=torch.int64),
    }


def in_token_order(fitted: list[dict]) -> list[dict]:
    """What was measured of each column in the order of their tokens: numbers, then categories."""
    return sorted(fitted, key=lambda each: each["kind"] != "number")


def augment(batch: dict[str, Tensor], settings: TrainSettings) -> dict[str, Tensor]:
    """Columns stay as they are."""
    return batch


def tokenizer(fitted: list[dict], width: int) -> ColumnTokens:
    """The network that makes tokens of these columns, with random weights."""
    return ColumnTokens(
        sum(each["kind"] == "number" for each in fitted),
        [max(1, len(each["categories"])) for each in fitted if each["kind"] == "category"],
        width,
    )

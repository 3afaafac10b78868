"""Parquet files as text cells; pyarrow, which reads them, is an extra."""

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from lungfuse.errors import UserError

SUFFIXES = (".parquet", ".pq", ".parq")
MIDNIGHT = datetime.time()


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet by its name or its first bytes."""
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as stream:
        return stream.read(4) == b"PAR1"


def read_parquet(path: Path) -> pd.DataFrame:
    """The cells of a Parquet file as text: 3 for 3.0, ISO dates, true and false, nothing for null.

    Raises:
        UserError: pyarrow is missing, the file is broken, or a column holds something that is no cell, such as a list.
    """
    try:
        import pyarrow.parquet
    except ImportError:
        raise UserError(
            f"{path}: is Parquet, and pyarrow, which reads it, is not installed. Install lungfuse[parquet], or save "
            "the table as CSV."
        ) from None
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read as Parquet ({error}). Replace the file.") from error
    for name, kind in zip(table.column_names, table.schema.types, strict=True):
        if pyarrow.types.is_nested(kind) or pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind):
            raise UserError(
                f"{path}: the column {name} holds {kind}, expected text, numbers or dates. Leave it out, and write "
                "images as files that a column names."
            )
    cells = [_texts(column.to_pylist()) for column in table.columns]
    return pd.DataFrame(dict(enumerate(cells)), dtype=object).set_axis(
        [name.strip() for name in table.column_names], axis=1
    )


def _texts(values: list[Any]) -> list[str]:
    times = [value for value in values if isinstance(value, datetime.datetime) and not pd.isna(value)]
    days = bool(times) and all(value.time() == MIDNIGHT for value in times)
    return [_text(value)[: len("2020-01-06")] if days else _text(value) for value in values]


def _text(value: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | Decimal):
        return str(int(value)) if abs(value) < 1e15 and value == int(value) else f"{value}"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value).strip()

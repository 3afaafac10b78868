"""The table of new cases."""

from collections.abc import Iterable

import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.tables.base import Table


class Cases(Table):
    """New cases to predict, a row each; see `cases_with`."""

    id: Series[str] = pa.Field(unique=True)


def cases_with(columns: Iterable[str]) -> type[Cases]:
    """The table of cases for a row that reads these columns; a cell is empty where a case lacks it.

    `image` is a path, `text` a text, and structured columns have their own names.
    """
    return type("CasesOfRow", (Cases,), {"__annotations__": dict.fromkeys(columns, Series[str])})

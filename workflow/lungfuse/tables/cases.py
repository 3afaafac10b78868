"""The table of new cases."""

import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.tables.base import Table


class Cases(Table):
    """New cases to predict; `image` is a path. A row of one modality leaves the other empty."""

    id: Series[str] = pa.Field(unique=True)
    image: Series[str]
    text: Series[str]

"""The settings of a split that a column of the table says."""

from typing import Any

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.ingest.own_split import own_split
from lungfuse.ingest.sides import split_of
from lungfuse.settings.ingest import SplitSettings

VALIDATION = 0.2


def given_split(cells: pd.Series, heading: str, group: pd.Series) -> dict[str, Any]:
    """`split` of a study whose rows have these cells in the column.

    Raises:
        UserError: the column says no split, or has groups on both sides.
    """
    folds = len(split_of(cells.rename(heading), "--split").parts)
    settings = {"column": heading, "folds": folds, "validation": VALIDATION}
    try:
        own_split(pd.DataFrame({"own_split": cells, "group": group, "pair_id": cells.index}), SplitSettings(**settings))
    except UserError as error:
        if "groups: allowed" not in str(error):
            raise
        raise UserError(f"--split {heading}: {str(error).removeprefix('split: ')}") from None
    return settings

"""The tables that not every study has, by the names of their files."""

from pathlib import Path

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.tables.audits import Leakage, Shortcuts, Words
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Ablations, Calibration, CNNComparison, Missing, PerLabel, Sites, Verdict
from lungfuse.tables.segmentation import Segmentation

OF_SOME_STUDIES = {  # tables that not every study has, by the names of their files
    "ablations": Ablations,
    "segmentation": Segmentation,
    "calibration": Calibration,
    "cnn_comparison": CNNComparison,
    "leakage": Leakage,
    "missing": Missing,
    "per_label": PerLabel,
    "shortcuts": Shortcuts,
    "sites": Sites,
    "verdict": Verdict,
    "words": Words,
}


def read_by_name(paths: list[Path]) -> dict[str, pd.DataFrame]:
    """Tables of `OF_SOME_STUDIES` by the names of their files; see `read_table`.

    Raises:
        UserError: no table has the name of a file.
    """
    for path in paths:
        if path.stem not in OF_SOME_STUDIES:
            raise UserError(f"{path}: no table is called {path.stem}; expected one of {', '.join(OF_SOME_STUDIES)}.")
    return {path.stem: read_table(path, OF_SOME_STUDIES[path.stem]) for path in paths}

import numpy as np
import pandas as pd

from lungfuse.report.diagnostics import Scored, draw_roc_calibration
from lungfuse.report.style import LINES


def test_each_of_many_rows_has_a_curve_and_the_first_ones_a_look_of_their_own():
    labels = np.arange(40) % 2
    rows = [
        Scored(f"row {n}", "text", pd.DataFrame({"label": labels, "score": np.random.default_rng(n).random(40)}))
        for n in range(len(LINES) + 1)
    ]
    roc, *_ = draw_roc_calibration(rows, "many rows").axes
    assert len(roc.lines) == len(rows) + 1, "the last one is the diagonal"
    looks = [(line.get_color(), str(line.get_linestyle()), line._dash_pattern) for line in roc.lines[: len(LINES)]]
    assert len(set(map(str, looks))) == len(LINES) > 40

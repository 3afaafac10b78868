"""How well scores, and the probabilities made of them, are probabilities."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.calibration import slope_of
from lungfuse.compare.brier import brier_score, known_labels
from lungfuse.compare.results import Results
from lungfuse.models.naming import named
from lungfuse.tables.base import Table

TITLE, SECTION, ORDER = "Calibration", "Errors", 2
CAPTION = (
    "How well each model's scores are probabilities, before and after a line on their log odds is fitted to the "
    "validation pairs of each fold. The Brier score is least for a model that knows its own errors; the slope is that "
    "of a logistic regression of the classes on the log odds: below 1 they are too extreme, above 1 too timid. Where "
    "there are not two classes, both are means over the classes, each against the rest, or over the labels. "
    "Predictions of new cases are calibrated so."
)
WANTED = ["reads_inputs"]
READS = ["predicted"]
SETTINGS = []


class Calibration(Table):
    """One row a model: how well its scores, and the probabilities made of them, are probabilities.

    `slope` is that of a logistic regression of the labels on the log odds: below 1 they are too extreme. It is 1, and
    the Brier score least, for calibrated ones; missing for scores that are all the same.
    Where there are not two classes, both are means over the classes, each against the rest, or over the labels.
    """

    model: Series[str]
    images: Series[str]
    text: Series[str]
    brier_score: Series[float] = pa.Field(ge=0, le=1)
    brier_probability: Series[float] = pa.Field(ge=0, le=1)
    slope_score: Series[float] = pa.Field(nullable=True)
    slope_probability: Series[float] = pa.Field(nullable=True)
    structured: Series[str]
    row: Series[str]


TABLE = Calibration


def compute(results: Results) -> pd.DataFrame:
    """The table `Calibration` from the predictions of each model, all repeats together."""
    task, records = results.task, []
    for name, model, frame in zip(results.names, results.models, results.joined, strict=True):
        record = named(model) | {"row": name}
        for of in ["score", "probability"]:
            slopes = [slope_of(each.score, each.label) for each in known_labels(task, frame, of)]
            record |= {f"brier_{of}": brier_score(task, frame, of), f"slope_{of}": pd.Series(slopes).mean()}
        records.append(record)
    return pd.DataFrame(records).round(4)

"""The table that says how true the explanations of models are."""

import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.tables.base import Table


class ExplanationScores(Table):
    """One row a model, method, modality and measure: the mean over cases of what `lungfuse.relevance.measures` gives.

    `variant` is the fill of what is removed, the layers that are shuffled, or whatever else distinguishes rows of a
    measure. `against` is the control that the explanation beats by least, `control` its mean, and `difference` what the
    explanation has more. Groups are resampled; the limits of the difference are the least of those over any control. An
    explanation `passes` where the whole interval of the difference is above -`margin`, and fails where none of it is.
    With fewer than 20 effective groups there is no interval, and it is undecided. `n` counts cases of all trainings.
    """

    model: Series[str]
    method: Series[str]
    modality: Series[str]
    measure: Series[str]
    variant: Series[str]
    value: Series[float] = pa.Field(nullable=True)
    low: Series[float] = pa.Field(nullable=True)
    high: Series[float] = pa.Field(nullable=True)
    against: Series[str]
    control: Series[float] = pa.Field(nullable=True)
    difference: Series[float] = pa.Field(nullable=True)
    difference_low: Series[float] = pa.Field(nullable=True)
    difference_high: Series[float] = pa.Field(nullable=True)
    margin: Series[float]
    passes: Series[str] = pa.Field(isin=["passes", "fails", "undecided"])
    n: Series[int]
    groups: Series[int]

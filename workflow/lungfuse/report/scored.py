"""Models by their names in figures, with their predictions."""

from dataclasses import dataclass

import pandas as pd

from lungfuse.compare.results import Results
from lungfuse.report.style import inputs_of, row_names


@dataclass(frozen=True)
class Scored:
    """A model by its name, what it reads, and its table `Predictions`."""

    name: str
    inputs: str
    predictions: pd.DataFrame


def scored_models(results: Results) -> list[Scored]:
    """The models of a comparison."""
    names, inputs = row_names(results.named), inputs_of(results.named)
    return [Scored(*each) for each in zip(names, inputs, results.predictions, strict=True)]

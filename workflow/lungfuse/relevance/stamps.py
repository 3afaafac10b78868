"""What the explanations of a model are worth, in a few words for each method."""

from pathlib import Path

import pandas as pd

from lungfuse.plan.names import EXPLANATION_SCORES
from lungfuse.relevance.given import ALL
from lungfuse.tables.base import read_table
from lungfuse.tables.explanations import ExplanationScores

CASCADE = "randomisation"
OF_MODALITIES = "modalities"  # in place of a method: how much each modality decided


def stamps_of(scores: pd.DataFrame) -> dict[str, str]:
    """How many of its checks each method passes, by rows of `ExplanationScores`.

    Of a cascade of shuffled weights the last stage counts.
    """
    scores = scores[(scores["measure"] != CASCADE) | scores["variant"].str.startswith(f"{ALL},")]
    return {
        str(name): f"passes {(rows['passes'] == 'passes').sum()} of {len(rows)}"
        for name, rows in scores.groupby("method", sort=False)
    }


def read_stamps(model: Path) -> dict[str, str]:
    """The same of a trained model, by its folder or that of a fold; none where its study has not measured them."""
    folder = model.parent if model.name.startswith("fold") else model
    path = folder.parent.parent / EXPLANATION_SCORES / f"{folder.name}.csv"
    return stamps_of(read_table(path, ExplanationScores)) if path.exists() else {}

"""The tables of what makes a score too good."""

import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.tables.base import Table


class Leakage(Table):
    """One row a section of the report and a flaw of the protocol, beside a control without it.

    Folds of the `control` have the sizes and classes of those with the flaw; `added` is the accuracy that the flaw
    adds. `kind` is cumulative where a flaw contains others, and shared text where real signal is among what is added.
    Scores are empty where the `note` says why there is no control.
    """

    text: Series[str]
    flaw: Series[str]
    kind: Series[str] = pa.Field(isin=["flaw", "cumulative", "shared text"])
    n: Series[int]
    control: Series[float] = pa.Field(nullable=True)
    control_low: Series[float] = pa.Field(nullable=True)
    control_high: Series[float] = pa.Field(nullable=True)
    accuracy: Series[float] = pa.Field(nullable=True)
    accuracy_low: Series[float] = pa.Field(nullable=True)
    accuracy_high: Series[float] = pa.Field(nullable=True)
    added: Series[float] = pa.Field(nullable=True)
    added_low: Series[float] = pa.Field(nullable=True)
    added_high: Series[float] = pa.Field(nullable=True)
    note: Series[str]


class Words(Table):
    """One row a section and word: how its presence tells the label.

    `telling` words are the most telling of the section, chosen on one half of the groups and measured on the `n` pairs
    of the other; `named` ones name a label, or are listed in the settings. `texts` have the word, a share of the pairs
    of each label. `auroc` is that of its presence.
    """

    text: Series[str]
    word: Series[str]
    kind: Series[str] = pa.Field(isin=["telling", "named"])
    n: Series[int]
    texts: Series[int]
    share_negative: Series[float] = pa.Field(nullable=True)
    share_positive: Series[float] = pa.Field(nullable=True)
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)


class Shortcuts(Table):
    """One row a section, or none, and what little of it a logistic regression reads; scores are out of fold."""

    text: Series[str]
    reads: Series[str]
    n: Series[int]
    accuracy: Series[float]
    accuracy_low: Series[float] = pa.Field(nullable=True)
    accuracy_high: Series[float] = pa.Field(nullable=True)
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)

"""The tables of an audit of somebody else's split."""

import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.tables.base import Table
from lungfuse.tables.check import SEVERITIES

KINDS = [
    "patient", "group", "same image", "near image", "same text", "near text", "together", "column", "gap", "gaps",
    "text", "constant", "classes", "label", "unreadable", "contradiction",
]  # fmt: skip
VERDICTS = ["better", "worse", "equivalent", "inconclusive", ""]


class AuditFindings(Table):
    """One row per finding, severest first.

    `count` of `of` rows have the flaw. `value` is the share of them where a flaw is of the split, the AUROC for `label`
    where it is of a column or gap. `worth` is the AUROC with the flaw less that of the matched control; `verdict` says
    in a word whether the score with the flaw is better than that without. Empty where it was not measured.
    """

    severity: Series[str] = pa.Field(isin=SEVERITIES)
    kind: Series[str] = pa.Field(isin=KINDS)
    subject: Series[str]
    label: Series[str]
    count: Series[int]
    of: Series[int]
    value: Series[float] = pa.Field(nullable=True)
    value_low: Series[float] = pa.Field(nullable=True)
    value_high: Series[float] = pa.Field(nullable=True)
    control: Series[float] = pa.Field(nullable=True)
    worth: Series[float] = pa.Field(nullable=True)
    worth_low: Series[float] = pa.Field(nullable=True)
    worth_high: Series[float] = pa.Field(nullable=True)
    verdict: Series[str] = pa.Field(isin=VERDICTS)
    found: Series[str]


class AuditScores(Table):
    """One row per column, gap or text and label: the AUROC that it reaches by itself, out of fold.

    `label` is a class against the rest, a label, or several classes together against the others; an empty one is the
    mean over classes or labels.
    """

    kind: Series[str] = pa.Field(isin=KINDS)
    subject: Series[str]
    label: Series[str]
    n: Series[int]
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)


class AuditRows(Table):
    """One row per test row that has a flaw: its number below the header, and that of a row it was trained with."""

    kind: Series[str]
    subject: Series[str]
    row: Series[int]
    other: Series[int]
    detail: Series[str]

"""The tables of the data check."""

import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.tables.base import Table

SEVERITIES = ["stop", "warning", "note"]


class Findings(Table):
    """One row a finding, severest first: what was `found` in `subject`, its effect on a result, and what to do.

    `kind` is the group of findings, as the module in `lungfuse.check.findings` is called. A `stop` makes a comparison
    meaningless.
    """

    severity: Series[str] = pa.Field(isin=SEVERITIES)
    kind: Series[str]
    subject: Series[str]
    found: Series[str]
    effect: Series[str]
    remedy: Series[str]


class UnivariateAUROC(Table):
    """One row per input that may predict the label by itself, and label: the AUROC that it reaches, out of fold.

    `label` is a class against the rest, or a label; where classes exclude each other and are more than two, an empty
    one is their mean. `baseline` is what chance reaches.
    """

    what: Series[str] = pa.Field(
        isin=["column", "missing", "word", "text", "site", "date", "view", "image size", "images"]
    )
    name: Series[str]
    label: Series[str]
    n: Series[int]
    auroc: Series[float] = pa.Field(nullable=True)
    baseline: Series[float]


class CheckedCases(Table):
    """One row a case, or a pair of cases, that a finding is about."""

    kind: Series[str]
    id: Series[str]
    other: Series[str]
    detail: Series[str]

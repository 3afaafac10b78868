"""A finding of the data check."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from lungfuse.tables.base import columns
from lungfuse.tables.check import SEVERITIES, Findings

Severity = Literal["stop", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """What was `found` in the `subject`, a column, a section, a word or another thing; its `effect`; a `remedy`.

    All are sentences in plain text but the subject, by which a study allows the finding.
    """

    severity: Severity
    subject: str
    found: str
    effect: str
    remedy: str


def table_of(found: dict[str, list[Finding]]) -> pd.DataFrame:
    """The table `Findings` of findings by their kind, severest first and else in the order they come."""
    rows = [vars(finding) | {"kind": kind} for kind, findings in found.items() for finding in findings]
    rows.sort(key=lambda row: SEVERITIES.index(row["severity"]))
    return pd.DataFrame(rows, columns=columns(Findings), dtype=str)

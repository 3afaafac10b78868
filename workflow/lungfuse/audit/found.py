"""A finding of an audit."""

from dataclasses import asdict, dataclass, replace

import pandas as pd

from lungfuse.audit.scores import NOTHING, Estimate, word
from lungfuse.check.finding import Severity
from lungfuse.tables.audit import AuditFindings
from lungfuse.tables.base import columns
from lungfuse.tables.check import SEVERITIES

NO_ESTIMATE = Estimate()
SAYS = {
    "better": "Better with the flaw.",
    "worse": "Worse with the flaw.",
    "equivalent": "Equivalent.",
    "inconclusive": "Inconclusive.",
}


@dataclass(frozen=True)
class Found:
    """What was found in a subject; see `lungfuse.tables.audit.AuditFindings`. `columns` are those of a gap."""

    severity: Severity
    kind: str
    subject: str
    found: str
    count: int
    of: int
    label: str = ""
    value: Estimate = NO_ESTIMATE
    control: float = NOTHING
    worth: Estimate = NO_ESTIMATE
    verdict: str = ""
    columns: tuple[str, ...] = ()

    def measured(self, control: float, worth: Estimate, it: str) -> "Found":
        """With what the flaw is worth beside a control that learned without `it`."""
        verdict = word(worth)
        shown = f" ({worth.low:+.3f} to {worth.high:+.3f})" if worth.low == worth.low else ""
        said = f"{self.found} Worth {worth.value:+.3f}{shown} of AUROC: {control + worth.value:.3f} with {it}, "
        said += f"{control:.3f} without. {SAYS[verdict]}"
        return replace(self, control=control, worth=worth, verdict=verdict, found=said)

    def unmeasured(self, why: str) -> "Found":
        return replace(self, found=f"{self.found} Its worth was not measured: {why}.")


def table_of(found: list[Found]) -> pd.DataFrame:
    """The table `AuditFindings`, severest first and else in the order they come."""
    rows = []
    for each in sorted(found, key=lambda each: SEVERITIES.index(each.severity)):
        row = asdict(each)
        for name in ["value", "worth"]:
            estimate = getattr(each, name)
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        rows.append(row)
    return pd.DataFrame(rows, columns=columns(AuditFindings)).round(4)

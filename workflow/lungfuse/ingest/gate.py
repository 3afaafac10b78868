"""The gate of the workflow: findings that stop a study, unless it allows them."""

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.tables.check import SEVERITIES


def keys_of(findings: pd.DataFrame) -> pd.Series:
    """By what a study allows each finding."""
    return findings["kind"] + " " + findings["subject"]


def unmatched(findings: pd.DataFrame, allow: list[str]) -> list[str]:
    """The entries of `check.allow` that nothing was found of."""
    return [entry for entry in allow if entry not in set(keys_of(findings))]


def allow_list(stops: pd.DataFrame) -> str:
    """What a study says to go on in spite of findings, as YAML."""
    return (
        "["
        + ", ".join(f'"{kind} {subject}"' for kind, subject in zip(stops["kind"], stops["subject"], strict=True))
        + "]"
    )


def stops_of(findings: pd.DataFrame, allow: list[str]) -> pd.DataFrame:
    """Those of the findings that stop a study, because it does not allow them."""
    return findings[(findings["severity"] == SEVERITIES[0]) & ~keys_of(findings).isin(allow)]


def check_findings(findings: pd.DataFrame, allow: list[str], source: object) -> None:
    """Raise UserError when findings stop the study that it does not allow; `source` is their file."""
    stops = stops_of(findings, allow)
    if stops.empty:
        return
    said = "\n".join(
        f"  {finding.kind} {finding.subject}: {finding.found} {finding.effect} {finding.remedy}"
        for finding in stops.itertuples()
    )
    raise UserError(
        f"{source}: the data check found what makes a comparison meaningless; expected no stop.\n{said}\n"
        f"Fix it, or, if it is meant so, let the study say check: {{allow: {allow_list(stops)}}}."
    )

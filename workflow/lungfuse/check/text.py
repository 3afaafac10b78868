"""The data check as text: a page in Markdown, and lines for a terminal."""

import shutil
import textwrap

import pandas as pd

from lungfuse.ingest.gate import allow_list
from lungfuse.markdown import escape, table
from lungfuse.tables.check import SEVERITIES
from lungfuse.words import counted

WIDTH = 100
MEANS = {
    "stop": "makes a comparison meaningless",
    "warning": "may make scores too good or too weak",
    "note": "is good to know",
}
NAMES = {"stop": "STOP", "warning": "WARNING", "note": "note"}


def in_words(findings: pd.DataFrame) -> str:
    """How many findings there are of each severity."""
    counts = findings["severity"].value_counts()
    parts = [counted(int(counts[severity]), severity) for severity in SEVERITIES if severity in counts]
    return ", ".join(parts) or "nothing found"


def for_terminal(findings: pd.DataFrame, above: str, unmatched: list[str] = ()) -> str:
    """The findings, wrapped, severest first, with `above` as the first line."""
    width = min(WIDTH, max(60, shutil.get_terminal_size((WIDTH, 0)).columns))
    lines = [f"Data check of {above}: {in_words(findings)}", ""]
    for finding in findings.itertuples():
        lines.append(f"{NAMES[finding.severity]}  {finding.kind}: {finding.subject}")
        parts = {"": finding.found, "Effect: ": finding.effect, "To do: ": finding.remedy}
        for name, text in parts.items():
            lines += textwrap.wrap(
                f"{name}{text}", width, initial_indent="  ", subsequent_indent="    ", break_long_words=False
            )
        lines.append("")
    lines += [f"warning: check.allow names {entry!r}, which nothing was found of. Remove it." for entry in unmatched]
    stops = findings[findings["severity"] == "stop"]
    if len(stops):
        lines += ["A stop ends the workflow before models are trained, unless the study allows it:", ""]
        lines += [f"    check: {{allow: {allow_list(stops)}}}", ""]
    return "\n".join(lines).rstrip() + "\n"


def as_page(findings: pd.DataFrame, scores: pd.DataFrame, above: str) -> str:
    """The findings and single inputs that predict the label, in Markdown."""
    lines = [f"# Data check: {escape(above)}", "", f"{in_words(findings).capitalize()}.", ""]
    for severity in SEVERITIES:
        part = findings[findings["severity"] == severity]
        if part.empty:
            continue
        lines += [f"## {severity.capitalize()}", "", f"What {MEANS[severity]}.", ""]
        for finding in part.itertuples():
            said = f"{escape(finding.found)} {escape(finding.effect)} *{escape(finding.remedy)}*"
            lines += [f"- **{finding.kind}: {escape(finding.subject)}.** {said}"]
        lines.append("")
    if len(scores):
        shown = scores.sort_values("auroc", ascending=False, kind="stable").head(40)
        shown = shown.assign(auroc=shown["auroc"].map("{:.3f}".format)).drop(columns="baseline")
        shown = shown.assign(label=shown["label"].replace("", "mean"))
        lines += [
            "## Single inputs that predict the label",
            "",
            "AUROC out of fold, by group; one half is chance. With several classes, each against the rest. The "
            "40 highest; all are in check_scores.csv.",
            "",
            table(shown),
            "",
        ]
    return "\n".join(lines)

"""An audit as text: a page in Markdown, and lines for a terminal."""

import shutil
import textwrap

import numpy as np
import pandas as pd

from lungfuse.audit.audit import Audit
from lungfuse.audit.audited import Audited
from lungfuse.check.text import NAMES, WIDTH, in_words
from lungfuse.markdown import escape, table
from lungfuse.tables.check import SEVERITIES
from lungfuse.words import listed

MOST_SCORES = 40
MEANS = {
    "stop": "makes scores on this split meaningless",
    "warning": "may make scores too good or too weak",
    "note": "is good to know, or was looked for and not found",
}


def read_as(data: Audited) -> list[tuple[str, str]]:
    """What each column was taken for, by role."""
    roles, asked = data.roles, data.asked
    label = "none found" if asked is None else f"{', '.join(asked.columns)}: {_classes(data)}"
    lines = [
        ("rows", f"{len(data):,} of {data.source}"),
        ("split", data.split.said),
        ("label", label),
        ("note", asked.said if asked and asked.said else ""),
        ("patient", roles.patient or "none found; name it with --patient"),
        ("groups", ", ".join(roles.group_by)),
        ("image", _images(data)),
        ("texts", ", ".join(data.texts)),
        ("features", ", ".join(data.reads)),
    ]
    lines += [("not read", f"{name}: {why}") for name, why in roles.left.items() if name not in data.reads]
    return [(role, said) for role, said in lines if said]


def _classes(data: Audited) -> str:
    asked = data.asked
    if asked.exclusive:
        return ", ".join(f"{name} {(asked.words == name).sum():,}" for name in asked.classes)
    counts = zip(asked.names, np.nansum(asked.values, axis=0), strict=True)
    return ", ".join(f"{name} {int(count):,}" for name, count in counts)


def _images(data: Audited) -> str:
    if not data.roles.image:
        return ""
    if data.pictures is None:
        return f"{data.roles.image}; images were not looked at, say --images and their folder"
    return f"{data.roles.image}, {len(data.pictures):,} read"


def for_terminal(data: Audited, done: Audit, findings: pd.DataFrame) -> str:
    """What was read as what, and the findings, severest first."""
    width = min(WIDTH, max(60, shutil.get_terminal_size((WIDTH, 0)).columns))
    lines = [f"Audit of {data.source}: {in_words(findings)}", ""]
    lines += [line for role, said in read_as(data) for line in _wrapped(f"{role:<10}{said}", width, " " * 12)]
    lines += [*([_as_given(done)] if _as_given(done) else []), ""]
    for finding in findings.itertuples():
        lines += [f"{NAMES[finding.severity]}  {finding.kind}: {listed(finding.subject.split(', '), 3)}"]
        lines += [*_wrapped(finding.found, width, "    "), ""]
    return "\n".join(lines).rstrip() + "\n"


def _wrapped(text: str, width: int, below: str) -> list[str]:
    return textwrap.wrap(text, width, initial_indent="  ", subsequent_indent=below, break_long_words=False)


def _as_given(done: Audit) -> str:
    given = done.as_given
    if not np.isfinite(given.value):
        return ""
    limits = f" ({given.low:.3f} to {given.high:.3f})" if np.isfinite(given.low) else ""
    return f"On this split as it is, the model of the audit reaches AUROC {given.value:.3f}{limits}."


def as_page(data: Audited, done: Audit, findings: pd.DataFrame) -> str:
    """The audit as a page in Markdown."""
    lines = [f"# Audit of {escape(data.source.name)}", "", f"{in_words(findings).capitalize()}. {_as_given(done)}", ""]
    lines += ["## What was read as what", ""]
    lines += [f"- **{role}**: {escape(said)}" for role, said in read_as(data)] + [""]
    for severity in SEVERITIES:
        part = findings[findings["severity"] == severity]
        if part.empty:
            continue
        lines += [f"## {severity.capitalize()}", "", f"What {MEANS[severity]}.", ""]
        items = [f"- **{each.kind}: {escape(each.subject)}.** {escape(each.found)}" for each in part.itertuples()]
        lines += [*items, ""]
    if len(done.scores):
        lines += ["## What predicts the label by itself", "", _about_scores(done.scores), "", _scores(done.scores), ""]
    lines += ["## How it was measured", "", METHOD, ""]
    return "\n".join(lines)


def _about_scores(scores: pd.DataFrame) -> str:
    more = f"the {MOST_SCORES} highest; all are in audit_scores.csv" if len(scores) > MOST_SCORES else "all of them"
    return (
        "AUROC out of fold, whole patients in a fold, pairs compared within folds; one half is chance. Columns are "
        f"scored on the rows that fill them, gaps on all rows. Shown are {more}."
    )


def _scores(scores: pd.DataFrame) -> str:
    shown = scores.sort_values("auroc", ascending=False, kind="stable").head(MOST_SCORES)
    limits = shown["auroc_low"].map("{:.3f}".format) + " to " + shown["auroc_high"].map("{:.3f}".format)
    auroc = shown["auroc"].map("{:.3f}".format) + (" (" + limits + ")").where(shown["auroc_low"].notna(), "")
    label = shown["label"].where(shown["label"] != "", "mean")
    return table(
        pd.DataFrame({"what": shown["kind"], "name": shown["subject"], "label": label, "n": shown["n"], "AUROC": auroc})
    )


METHOD = (
    "*Worth* is a difference in AUROC on the same test rows, by a random forest on the columns, gaps, texts and "
    "images (thumbnails, or what `--encoder` makes of them) that are read. For what is on both sides, one forest "
    "learns without the training rows that a block of test rows shares, the other without as many other rows of the "
    "same classes. For a column or a gap, one forest does not read it. Intervals are 95 %, over patients (or "
    "groups) and repetitions. *Equivalent*: the interval is within two points; *better* and *worse*: it leaves out "
    "zero; else *inconclusive*, also where there are fewer than 20 effective groups. Another model may gain more by "
    "the same flaw."
)

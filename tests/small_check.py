"""Studies for the data check: tables made by hand, selected as the workflow does it."""

import numpy as np
import pandas as pd

from lungfuse.check.check import with_origin
from lungfuse.check.checked import Checked, RawTables
from lungfuse.check.finding import Finding
from lungfuse.check.findings import load_findings
from lungfuse.duplicates.pictures import look_at
from lungfuse.ingest.filter import FilterInputs, select_pairs
from lungfuse.settings.check import CheckLimits
from lungfuse.settings.ingest import FilterSettings, LabelRule
from lungfuse.tables.base import columns
from lungfuse.tables.ingest import SECTIONS, Candidates, rejected_table
from lungfuse.tasks import load_task

LIMITS = CheckLimits(leak_auroc=0.95, leak_min_share=0.05, contradicting=0.03)
NO_REJECTED = rejected_table([])


def rule(name: str, column: str = "outcome", positive: str = "", negative: list[str] | None = None) -> LabelRule:
    return LabelRule(name=name, column=column, positive=[positive or name], negative=negative)


SICK = [rule("healthy"), rule("sick")]


def study(
    reports: pd.DataFrame,
    values: pd.DataFrame,
    rules: list[LabelRule] = SICK,
    reads: dict[str, list[str]] | None = None,
    kinds: dict[str, str] | None = None,
    images: np.ndarray | None = None,
    rejected: pd.DataFrame = NO_REJECTED,
    **others,
) -> Checked:
    """A study of one case a row.

    `reports` may have any column of its table, `view` and `projection`; `values` has the structured columns and those
    that labels are read from, and gets one that is the same in all, so that each row is a case. Where there are images,
    each row has one, in their order.
    """
    task, folds = others.get("task", "binary"), others.get("folds", 5)
    ids = [f"case{n}" for n in range(len(reports))]
    defaults = {"report_id": ids, "patient": ids, "site": "", "major": "", "automatic": ""} | dict.fromkeys(
        SECTIONS, ""
    )
    reports = reports.assign(**{name: value for name, value in defaults.items() if name not in reports})
    values = values.assign(report_id=reports["report_id"], filler="x").fillna("").astype(str)
    reads = reads or {}
    sections = reads.get("text", ["findings"])
    grouped = {"group_by": others["group_by"]} if "group_by" in others else {}
    filters = FilterSettings(labels=rules, balance="none", required=[], text_fields=sections, **grouped)
    asked = load_task(task, [each.name for each in rules])
    has = images is not None
    views = pd.DataFrame({"image_id": reports["report_id"], "report_id": reports["report_id"], "view": "any"})
    views = views.assign(**{name: reports[name] for name in ["view", "projection"] if name in reports})
    views = views if has else views[:0]
    found = FilterInputs(
        reports.drop(columns=["view", "projection"], errors="ignore"), views, values, set(ids) if has else None
    )
    modalities = ["structured", *(["text"] if "text" in reads else []), *(["image"] if has else [])]
    pairs, funnel, dropped = select_pairs(found, asked, modalities, "any", filters, 0)
    rejected = pd.concat([rejected, rejected_table(dropped)], ignore_index=True)
    pairs = pairs[[*columns(Candidates, pairs), *set(found.own_sections) - {"date", "apart"}]]
    raw_tables = RawTables(found.reports, views, values, funnel, rejected)
    sides = others.get("sizes", [(64, 64)] * len(reports))
    index = pd.DataFrame({"image_id": reports["report_id"], "row": range(len(reports))}) if has else None
    index = index.assign(width=[w for w, _ in sides], height=[h for _, h in sides]) if has else None
    cases = with_origin(pairs, raw_tables, index)
    own = [name for name in values if name not in {"report_id", *(each.column for each in rules)}]
    of_cases = values.set_index("report_id")[own].reindex(cases["report_id"]).reset_index(drop=True)
    shown = np.flatnonzero(cases["row"].notna()) if has else []
    pictures = look_at(images, cases["row"].iloc[shown].to_numpy(int), shown, done=int) if has else None
    kinds = dict.fromkeys(own, "category") | (kinds or {})
    return Checked(cases, of_cases, kinds, asked, filters, reads, folds, LIMITS, raw_tables, pictures)


def found_in(data: Checked, kind: str) -> dict[str, Finding]:
    """The findings of a kind, by subject."""
    return {finding.subject: finding for finding in load_findings(kind).findings(data)}


def labels(count: int = 200, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.arange(count) % 2)


def outcome(known: np.ndarray) -> pd.Series:
    return pd.Series(np.where(known == 1, "sick", "healthy"))

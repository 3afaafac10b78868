"""The cases of a collection that share nothing with the pairs of a study, and what their headings say of them."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.ingest.groups import group
from lungfuse.ingest.labels import heading_terms, terms_fitting
from lungfuse.settings.ingest import LabelRule


def pretraining_cases(
    reports: pd.DataFrame, views: pd.DataFrame, pairs: pd.DataFrame, index: pd.DataFrame
) -> pd.DataFrame:
    """The images of the array whose patient, findings and marks no pair of the study has, one row each with its report.

    `reports`, `views`, `pairs` and `index` are tables `Reports`, `Views`, `Pairs` and `ImageIndex`. Two reports belong
    together where they are of one patient, say the same findings, or share a mark, directly or through others: no
    report is here that so belongs to a pair.
    """
    together = group(reports["patient"], reports["findings"], reports.get("apart"))
    near = np.isin(together, together[reports["report_id"].isin(pairs["report_id"])])
    images = views[views["image_id"].isin(index["image_id"]) & ~views["image_id"].isin(pairs["image_id"])]
    return images.merge(reports[~near], on="report_id")


def headings_of(
    cases: pd.DataFrame,
    min_reports: int,
    left_out: Sequence[LabelRule] = (),
    setting: str = "pretraining.min_reports",
) -> pd.DataFrame:
    """Whether each case, a row of `Reports`, has each heading that at least so many reports have: 0, 1, or NaN where it
    has no headings at all.

    A heading counts up to its first '/', in lower case. One that gives a label by a rule of `left_out` is not learned,
    and a case that has no other counts as one without headings: that it has no other would say the same. `setting` is
    where `min_reports` is set.

    Raises:
        UserError: no heading is that frequent.
    """
    terms = heading_terms(cases["major"])
    for rule in left_out:
        terms = terms[~terms_fitting(terms, rule)]
    terms = terms[terms != ""].str.lower()
    has = pd.crosstab(terms.index, terms).clip(upper=1).reindex(cases.index, fill_value=0)
    reports = has[~cases["report_id"].duplicated()].sum()
    frequent = sorted(reports.index[reports >= min_reports])
    if not frequent:
        raise UserError(
            f"{setting}: of the {len(cases):,} images of other patients no heading stands in {min_reports} reports. "
            "Ask for fewer, or let no model start from `pretrained`."
        )
    known = pd.Series(cases.index.isin(terms.index), cases.index)
    return has[frequent].astype(float).where(known, axis=0)


def reports_with_labels(cases: pd.DataFrame, rules: Sequence[LabelRule], headings: Collection[str]) -> dict[str, int]:
    """How many reports of the cases have each label by one of some headings, in lower case; without those of none."""
    terms = heading_terms(cases.drop_duplicates("report_id")["major"])
    learned = terms[terms.str.lower().isin(headings)]
    found = {rule.name: learned[terms_fitting(learned, rule)].index.nunique() for rule in rules}
    return {name: count for name, count in found.items() if count}

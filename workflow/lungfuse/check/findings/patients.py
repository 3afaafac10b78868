"""Patients with several cases, and with cases of several classes."""

from collections.abc import Iterator

from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding
from lungfuse.words import counted

PARTED = (
    "Cases of a patient are alike, and the study allows them in different folds: a model is tested on "
    "patients of its training folds, so scores are too good."
)


def findings(data: Checked) -> Iterator[Finding]:
    cases = data.cases
    if cases.empty or "patient" not in cases:
        return
    sizes = cases["patient"].value_counts()
    several = sizes[sizes > 1]
    if len(several):
        parted = cases.groupby("patient")["group"].nunique().max() > 1
        yield Finding(
            "warning" if parted else "note",
            "several cases",
            f"{len(several):,} of {counted(len(sizes), 'patient')} have more than one case, at most {sizes.max():,}; "
            f"{several.sum():,} of {counted(len(cases), 'case')} are theirs.",
            PARTED
            if parted
            else "Cases of a patient are alike. All stay in one fold, and intervals count patients, not cases.",
            "Add patient to filter.group_by." if parted else "Nothing, if the column of patients is right.",
        )
        varied = data.words.groupby(cases["patient"].to_numpy()).nunique()
        if mixed := int((varied.loc[several.index] > 1).sum()):
            yield Finding(
                "note",
                "several labels",
                f"{counted(mixed, 'patient')} of {len(several):,} with more than one case have cases of different "
                "labels.",
                "Where the label is of the patient and not of the case, it contradicts itself.",
                "See whether labels may change between the cases of a patient.",
            )
    elif len(cases) > 1 and (cases["patient"] == cases["report_id"]).all() and not _has_marks(data):
        grouped = "image" in data.rules.group_by
        on_both = "those of their cases that look different may be" if grouped else "they may be"
        yield Finding(
            "note",
            "unknown",
            "No patient is identified: each row is treated as a separate patient.",
            f"If patients come more than once, {on_both} in both training and test folds, and scores are too good.",
            "Name the column of the patient, if there is one.",
        )


def _has_marks(data: Checked) -> bool:
    """Whether another column keeps cases together."""
    return "apart" in data.raw_tables.reports and bool((data.raw_tables.reports["apart"] != "").any())

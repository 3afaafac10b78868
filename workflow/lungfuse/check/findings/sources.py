"""Where, when and how images were taken: sites, dates, projections and sizes that predict the label."""

from collections.abc import Iterator

import pandas as pd

from lungfuse.cell_forms import days_of
from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding
from lungfuse.check.univariate import PREDICTS, Kind

HINTS = 0.6  # AUROC by itself
MEANS = {
    "site": "Images and texts of a site look and read alike",
    "date": "Devices, habits and diseases change with time",
    "view": "The projection can be seen in the image, and is chosen by how ill a patient is",
    "image size": "The size and shape of an image show its device or source, even after it was scaled",
}
REMEDIES = {
    "site": "Read sites.csv, the scores at each site, or compare cases of one site.",
    "date": "Compare cases of one period, or take equally many of each class from each.",
    "view": "Compare cases of one projection: set `view`, or filter the cases.",
    "image size": "See which source has which size; compare cases of one source.",
}


def findings(data: Checked) -> Iterator[Finding]:
    if not data.has_classes:
        return
    best: dict[str, tuple] = {}
    for what, name, values, kind in _sources(data):
        if values[values != ""].nunique() > 1:
            label, auroc = data.score(what, name, values, kind).best()
            if auroc >= max(HINTS, best.get(what, (0.0,))[0]):
                best[what] = (auroc, label, name, values)
    for what, (auroc, label, name, values) in best.items():
        yield _finding(data, what, name, label, auroc, values)


def _sources(data: Checked) -> Iterator[tuple[str, str, pd.Series, Kind]]:
    cases = data.cases
    yield "site", "site", cases["site"], "category"
    if "date" in cases:
        days = days_of(cases["date"])
        yield ("date", "date", days, "number") if (days != "").any() else ("date", "date", cases["date"], "category")
    yield "view", "view", cases["view"], "category"
    if "projection" in cases:
        yield "view", "projection", cases["projection"], "category"
    if "width" in cases:
        known = cases["width"].notna()
        width, height = cases["width"].fillna(0).astype(int), cases["height"].fillna(1).astype(int)
        sizes = (width.astype(str) + " x " + height.astype(str)).where(known, "")
        yield "image size", "size", sizes, "category"
        yield "image size", "pixels", (width * height).astype(str).where(known, ""), "number"
        yield "image size", "shape", (width / height).round(3).astype(str).where(known, ""), "number"


def _finding(data: Checked, what: str, name: str, label: str, auroc: float, values: pd.Series) -> Finding:
    read = bool(data.read("image"))
    severity = "note"
    if auroc >= PREDICTS:
        severity = "warning"
    if auroc >= data.settings.leak_auroc and read:
        severity = "stop"
    return Finding(
        severity,
        what,
        f"The {what if name == what else f'{what} ({name})'} alone predicts {label} with AUROC {auroc:.2f}"
        f"{_by_value(data, values)}.",
        f"{MEANS[what]}, so a model can rely on it and be wrong elsewhere.",
        REMEDIES[what],
    )


def _by_value(data: Checked, values: pd.Series) -> str:
    """The classes of the most frequent values, where there are few."""
    counts = values[values != ""].value_counts()
    if len(counts) > 12 or len(data.of_class) > 3:
        return ""
    said = []
    for value in counts.index[:4]:
        of_value = (values == value).to_numpy()
        classes = ", ".join(f"{(of_value & has).sum():,} {name}" for name, has in data.of_class.items())
        said.append(f"{value}: {classes}")
    return f" ({'; '.join(said)})"

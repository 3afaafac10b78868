"""Where figures, tables and pages appear in the report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lungfuse import registry
from lungfuse.errors import UserError

SECTIONS = (
    "Data",
    "Masks",
    "Methods",
    "Results",
    "Where the gain comes from",
    "Errors",
    "Calibration and net benefit",
    "Subgroups",
    "Disagreements and explanations",
    "Leakage",
    "Training",
    "Limits",
    "Cards",
    "Settings and versions",
    "How to rerun",
    "Reporting checklists",
)
DECLARED = {"TITLE": str, "SECTION": str, "ORDER": int, "CAPTION": str}


class ReportItem(NamedTuple):
    """The section of a figure, table or page, its place there, what it is called, and the text below it."""

    section: str
    order: int
    title: str
    caption: str = ""

    def of(self, what: str) -> "ReportItem":
        """The same of one of several: a model, a segmenter."""
        return self._replace(title=f"{self.title} of {what}")

    @property
    def place(self) -> tuple[int, int]:
        """By which items are sorted."""
        return SECTIONS.index(self.section), self.order


@dataclass(frozen=True)
class ReportPart:
    """What the report shows at one place: a figure, a table (CSV), a page of Markdown, or several of them."""

    name: str
    item: ReportItem
    figure: Path | None = None
    table: Path | None = None
    page: Path | None = None

    @property
    def files(self) -> list[Path]:
        return [path for path in [self.figure, self.table, self.page] if path]


def item_of(package: str, name: str) -> ReportItem:
    """What a part declares: TITLE, SECTION, ORDER and CAPTION.

    Raises:
        UserError: it declares one of them not or wrongly.
    """
    file, declared = registry.file_of(registry.module_of(package, name)), registry.declared(package, name)
    for constant, kind in DECLARED.items():
        declares(file, declared, constant, kind)
    if declared["SECTION"] not in SECTIONS:
        raise UserError(f"{file}: SECTION: found {declared['SECTION']!r}, expected one of {', '.join(SECTIONS)}.")
    return ReportItem(*(declared[constant] for constant in ["SECTION", "ORDER", "TITLE", "CAPTION"]))


def declares(file: Any, declared: dict[str, Any], constant: str, kind: type) -> Any:
    """The value of a constant.

    Raises:
        UserError: a file does not declare it, or as something else than `kind`.
    """
    value = declared.get(constant)
    if not isinstance(value, kind):
        found = "nothing" if value is None else repr(value)
        raise UserError(f"{file}: {constant}: found {found}, expected a {kind.__name__} as a plain value. Add it.")
    return value

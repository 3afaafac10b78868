"""What the files of a study say, for pages: cards, limits, verdicts, the report."""

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from lungfuse_service.catalogue.models import TrainedModel

KEPT = Path("docs/results")  # tables of studies whose models are not here
NUMBERS = ["gain", "gain_low", "gain_high", "part_value", "fusion_value", "margin", "groups", "effective_groups"]
CONTROL = "demo"  # studies whose name begins so are drawn
MEANINGS = {
    "better": "Fusing these inputs beats every model that reads only some of them.",
    "worse": "Some model that reads fewer of these inputs is better.",
    "equivalent": "Fusing these inputs gains less than the margin, either way.",
    "inconclusive": "There are too few cases to say.",
}


@dataclass(frozen=True)
class Verdict:
    """A line of a verdict.csv: what fusing inputs gains over the best of its parts, in AUROC."""

    study: str
    inputs: str
    word: str
    known: str
    part: str
    fusion: str
    numbers: dict[str, float | None]
    leak_check: bool

    @property
    def meaning(self) -> str:
        return MEANINGS.get(self.word, "")

    @property
    def drawn(self) -> bool:
        return self.study.startswith(CONTROL)


def results_of(study: str) -> Path:
    return settings.PROJECT / "results" / study


def report_of(study: str) -> Path:
    return results_of(study) / "report.html"


def card_of(study: str) -> SafeString | None:
    """The model card as HTML; tags that stand in it are shown as they are."""
    path = results_of(study) / "model_card.md"
    return _html(path, path.stat().st_mtime) if path.exists() else None


@lru_cache(maxsize=32)
def _html(path: Path, changed: float) -> SafeString:
    return _as_html(path.read_text(encoding="utf-8"))


def _as_html(text: str) -> SafeString:
    """Without tags of its own, and without styles, which the policy of pages forbids."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for token in tokens:
        token.attrs.pop("style", None)
    return mark_safe(markdown.renderer.render(tokens, markdown.options, {}))


def limits_of(study: str) -> SafeString | None:
    """What a model card says under Limits."""
    path = results_of(study) / "model_card.md"
    found = re.search(
        r"^## Limits\n(.*?)(?=^## |\Z)", path.read_text(encoding="utf-8") if path.exists() else "", re.M | re.S
    )
    return _as_html(found[1]) if found else None


def verdicts_of(study: str) -> list[Verdict]:
    """The verdicts of a study, by its own tables or those that are kept of it."""
    paths = [results_of(study) / "verdict.csv", settings.PROJECT / KEPT / study / "verdict.csv"]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [_verdict(study, row) for row in csv.DictReader(stream) if row.get("word")]


def all_verdicts() -> list[Verdict]:
    """Those of all studies, the positive controls last."""
    folders = [*(settings.PROJECT / "results").glob("*/verdict.csv"), *(settings.PROJECT / KEPT).glob("*/verdict.csv")]
    names = sorted({path.parent.name for path in folders}, key=lambda name: (name.startswith(CONTROL), name))
    return [verdict for name in names for verdict in verdicts_of(name)]


def _verdict(study: str, row: dict[str, str]) -> Verdict:
    numbers = {name: float(row[name]) if row.get(name) else None for name in NUMBERS}
    texts = (row.get(name, "") for name in ["inputs", "word", "known", "part", "fusion"])
    return Verdict(study, *texts, numbers, row.get("leak_check") == "True")


def about_model(model: TrainedModel) -> dict:
    """What is said beside the form of a model: its score, and the verdicts of its study on the inputs that it reads."""
    return {"score": model.score, "verdicts": verdicts_of(model.study_id)}

"""The report of a study: one page of HTML with everything in it, which scrolls, prints and needs no network."""

from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lungfuse.files import atomic_write
from lungfuse.parameters import Heading, options
from lungfuse.plan.report_items import ReportPart
from lungfuse.report.document import answer, methods
from lungfuse.report.document.checklists import CHECKLISTS, NOT_REPORTED, items
from lungfuse.report.document.outline import Outline, Section, anchors
from lungfuse.report.pages import flat, run_times
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.study import Study
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Comparison, Verdict
from lungfuse.tables.ingest import Funnel

TEMPLATES = Environment(
    loader=PackageLoader("lungfuse.report.document"), autoescape=True, undefined=StrictUndefined, lstrip_blocks=True
)
TEMPLATES.filters["thousands"] = "{:,}".format
MAIN = ["verdict", "comparison"]  # the first of them that a study has stands below the answer
TEXTS = {  # of sections, by their templates
    "Data": "data",
    "Methods": "methods",
    "Leakage": "leakage",
    "Limits": "limits",
    "How to rerun": "rerun",
}
LAST = "Reporting checklists"
QUESTIONS = {  # of a reviewer, and where each is answered
    "Which images are these?": "data-source",
    "How many patients?": "data-patients",
    "Was the split by patient?": "methods-split",
    "What is the interval?": "methods-intervals",
    "Against what is p?": "methods-p",
    "How was the epoch chosen?": "methods-epoch",
    "Does the text state the label?": "leakage-text",
    "What happens without the text?": "methods-missing",
    "How do I rerun it?": "section-how-to-rerun",
    "May I use it on patients?": "limits-use",
}
HEAD = {"question": "Question", "answer": "Answer"}  # places above all sections


@options
class Sources:
    """What the document is made from, besides its parts.

    Parameters
    ----------
    funnel
        What is left after each filter.
    check
        What the data check has found.
    comparison
        Models and their scores.
    models
        The files of the models.
    logs
        Folder of the logs and benchmarks of jobs; those that are not here are left out of the run times.
    provenance
        Name of Snakemake's own report, which lies beside the document.
    """

    funnel: Path
    check: Path
    comparison: Path
    models: list[Path]
    logs: Path
    provenance: str


def main(*, study_heading: Heading, settings: Study, parts: list[ReportPart], sources: Sources, document: Path) -> None:
    """Write the report of a study.

    Parameters
    ----------
    study_heading
        What stands above.
    settings
        Everything that params.yaml says of the study.
    parts
        The figures, tables and pages that are shown, and their places.
    sources
        What the document is made from besides.
    document
        Output: HTML.
    """
    by_name = {part.name: part for part in parts}
    verdict = read_table(by_name["verdict"].table, Verdict) if "verdict" in by_name else None
    comparison = read_table(sources.comparison, Comparison)
    answered = answer.answer(verdict, comparison, settings)
    known = facts(settings, sources, by_name, comparison, verdict) | {"heading": study_heading}

    frames = {"settings": flat(settings.model_dump(mode="json")), "run_times": run_times(sources.logs)}
    outline = Outline(document.parent, {"verdict": answered}, frames, settings.share == "aggregate")
    lead = outline.lead(next(by_name[name] for name in MAIN if name in by_name))
    texts = {title: text_of(name, known) for title, name in TEXTS.items()}
    sections = list(outline.sections(parts, texts, lead))
    sections.append(checklists(known, dict(anchors(sections))))
    places = HEAD | dict(anchors(sections))
    about = {
        "question": answer.question(settings),
        "answer": answered,
        "verdicts": [] if verdict is None else answer.verdicts(verdict, settings),
        "lead": lead,
        "questions": {asked: anchor for asked, anchor in QUESTIONS.items() if anchor in places},
        "sections": sections,
        "style": Markup(as_it_is("document.css")),
        "script": Markup(as_it_is("document.js")),
    }
    with atomic_write(document) as stream:
        stream.write(TEMPLATES.get_template("document.html").render(known | about))


def facts(
    study: Study,
    sources: Sources,
    parts: dict[str, ReportPart],
    comparison: pd.DataFrame,
    verdict: pd.DataFrame | None,
) -> dict[str, Any]:
    """What the texts of the document are made from."""
    models = [ModelConfig.model_validate_json(path.read_bytes()) for path in sources.models]
    check = pd.read_csv(sources.check, dtype=str, keep_default_na=False)
    if study.share == "aggregate":  # what is found quotes cells
        check = check.assign(found="Found: " + check["kind"] + ".")
    recorded = parts["provenance"].table if "provenance" in parts else None
    return {
        **methods.about_methods(study, models, comparison),
        **methods.about_data(study, read_table(sources.funnel, Funnel)),
        **methods.about_groups(study, check),
        **methods.about_limits(check, verdict),
        **methods.about_reruns(recorded),
        "study": study,
        "shown": set(parts),
        "provenance": sources.provenance,
    }


def text_of(template: str, known: dict[str, Any]) -> Markup:
    """The text of a section."""
    return Markup(TEMPLATES.get_template(f"{template}.html").render(known))


def checklists(known: dict[str, Any], places: dict[str, str]) -> Section:
    """The section that says where the items of checklists are reported."""
    places = HEAD | places
    lists = [(each, items(each, places)) for each in CHECKLISTS]
    return Section(LAST, text_of("checklists", known | {"lists": lists, "places": places, "missing": NOT_REPORTED}), [])


def as_it_is(name: str) -> str:
    """A file of the templates."""
    return TEMPLATES.loader.get_source(TEMPLATES, name)[0]

"""The report of a study as one page of HTML."""

import re
from contextlib import chdir
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from small_report import Reported

from lungfuse.plan.plan import Plan
from lungfuse.report.document import methods
from lungfuse.report.document.answer import words_of
from lungfuse.report.document.checklists import CHECKLISTS, items
from lungfuse.report.document.document import QUESTIONS
from lungfuse.report.document.tables import shown_frame
from lungfuse.stages import call

SCRIPT = "</script><script>window.PWNED=1</script><img src=x onerror=alert(1)>"
RUN = {"comparison", "verdict", "missing", "confusion", "label_errors", "funnel", "distributions"}
FINDING = {"severity": "warning", "kind": "giveaway", "subject": "findings", "found": "The word clear, 9 times."}
FINDING |= {"effect": "It may say the label.", "remedy": "Read it."}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><g id="a"><path id="b" d="M 0 0"/></g></svg>'
STAND_INS = {".svg": SVG, ".csv": "what,name,value,sha256\ncommit,,abcdef0,\n"}
STAND_INS[".md"] = f"# Card: drawn\n\n{SCRIPT}\n\n| a | b |\n|---|---|\n| 1 | {SCRIPT} |\n"
ALONE = {"meta", "link", "img", "br", "input", "path", "use", "rect", "image", "line", "circle", "hr"}


class Page(HTMLParser):
    """The text of a page by the ids that hold it, its links, scripts and attributes that run code."""

    def __init__(self, text: str):
        super().__init__()
        self.texts: dict[str, str] = {}
        self.ids: list[str] = []
        self.links: list[str] = []
        self.scripts: list[str] = []
        self.running: list[str] = []
        self.outside: list[str] = []
        self.open: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        given = dict(attributes)
        self.running += [f"{tag} {name}" for name in given if name.startswith("on")]
        self.outside += [
            each for name in ("src", "href") if (each := given.get(name) or "").startswith("http") and tag != "a"
        ]
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        self.scripts += [""] if tag == "script" else []
        if tag not in ALONE:
            self.open.append((tag, given.get("id", "")))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] == "script":
            self.scripts[-1] += data
        for _, name in self.open:
            if name:
                self.texts[name] = self.texts.get(name, "") + data


@pytest.fixture
def document(reported):
    """The report of the small study of a task, with everything that it is made from."""

    def written(task: str) -> str:
        study = made(reported(task))
        return study.read(study.plan.layout.report)

    return written


def made(study: Reported) -> Reported:
    """A study with its report: some analyses are run, and of others there are stand-ins."""
    study.run("compare")
    for name in RUN & set(study.plan.analyses):
        study.run("analysis", name)
    check = study.folder / study.plan.layout.table("check")
    pd.DataFrame([FINDING]).to_csv(check, index=False)
    for part in study.plan.report_parts:
        for file in part.files:
            path = study.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_text(STAND_INS[path.suffix])
    study.run("document")
    return study


def again(study: Reported) -> str:
    """The report, written anew from what lies there."""
    job = study.plan.document()
    with chdir(study.folder):
        call(job.stage, job.arguments)
    return study.read(study.plan.layout.report)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_every_part_has_its_place_and_every_link_leads_somewhere(document, reported, task):
    page = Page(document(task))
    parts = {part.name for part in reported(task).plan.report_parts}
    assert parts <= set(page.ids)
    assert len(page.ids) == len(set(page.ids)), "ids of figures are their own"
    inner = {unquote(link[1:]) for link in page.links if link.startswith("#")}
    assert inner - set(page.ids) == set()
    assert page.outside == [] and page.running == [], "nothing is fetched, nothing runs but the page's own script"
    assert len(page.scripts) == 1


def test_the_answer_changes_with_a_cell_of_the_verdict(document, reported):
    before = Page(document("binary")).texts["answer"]
    study = reported("binary")
    file = study.folder / study.plan.layout.table("verdict")
    kept, table = file.read_text(), pd.read_csv(file, keep_default_na=False)
    table.loc[0, ["word", "leak_check", "gain", "gain_low", "gain_high"]] = ["worse", False, -0.123, -0.2, -0.05]
    table.loc[0, ["fusion_value", "part", "groups"]] = [0.4321, "logistic", 77]
    try:
        table.to_csv(file, index=False)
        changed = again(study)
    finally:
        file.write_text(kept)
    lead = re.search(r'<p class="lead">(.*?)</p>', changed)[1]
    minus = "\N{MINUS SIGN}"
    assert f"({minus}12.3 points) is worse than the best of its parts" in lead
    said = re.search(r'<span class="word worse">.*?</li>', changed, re.S)[0]
    assert "AUROC 0.432" in said and "(logistic)" in said and "77 groups" in said
    assert f"interval {minus}20.0 to {minus}5.0" in said
    assert "0.432" not in before and again(study) == document("binary")


def test_inputs_that_are_answered_alike_share_a_sentence_and_what_an_interval_excludes_is_said():
    rows = [
        ("image + age", -0.003, -0.042, 0.018),
        ("image + sex", -0.006, -0.039, 0.017),
        ("text + age", 0, -0.05, 0.05),
    ]
    rows += [("image + text", 0.004, -0.019, 0.03), ("all", 0.002, np.nan, np.nan)]
    table = pd.DataFrame(rows, columns=["inputs", "gain", "gain_low", "gain_high"])
    minus, open_ = "\N{MINUS SIGN}", "inconclusive: the data show neither a gain nor its absence"
    assert words_of(table.assign(word="inconclusive", margin=0.02)) == (
        f"Fusing image + age ({minus}0.3 points) or image + sex ({minus}0.6 points) is inconclusive: a gain of 2 "
        f"points is excluded; fusing text + age (+0.0 points) or all (+0.2 points) is {open_}; fusing image + text (+"
        "0.4 points) is inconclusive: a loss of 2 points is excluded."
    )


def test_the_numbers_of_the_data_come_from_the_funnel(document, reported):
    page = Page(document("binary"))
    study = reported("binary")
    file = study.folder / study.plan.layout.table("funnel")
    kept = file.read_text()
    groups = study.drawn.pairs["group"].nunique()
    assert "120 cases" in page.texts["data-patients"] and f"in {groups} groups" in page.texts["data-patients"]
    try:
        file.write_text(kept.replace(f"groups of pairs,{groups}", "groups of pairs,4711"))
        assert "4,711 groups" in Page(again(study)).texts["data-patients"]
    finally:
        file.write_text(kept)


@pytest.mark.parametrize(
    ("name", "identified", "shared", "patients"),
    [
        ("pad", True, "a patient", True),
        ("pad-by-image", False, "", False),
        ("skin", True, "a value of lesion_id", False),
        ("covid", True, "a patient or a text or a value of doi", True),
        ("brain", False, "the look of their images", False),
        ("dementia-by-slice", True, "", False),
    ],
)
def test_what_cases_of_a_group_share_is_what_the_study_groups_by(studies, name, identified, shared, patients):
    found = [] if identified else [["patients", "unknown"]]
    said = methods.about_groups(studies[name], pd.DataFrame(found, columns=["kind", "subject"]))
    assert said == {"shared_in_group": shared, "patients": patients}


def test_no_report_claims_that_patients_are_in_one_fold_where_none_is_identified(document, reported):
    assert "patients that the models have not seen" in document("binary")
    study = reported("binary")
    file = study.folder / study.plan.layout.table("check")
    kept = file.read_text()
    try:
        file.write_text(kept + "note,patients,unknown,No patient is identified.,,\n")
        changed = again(study)
    finally:
        file.write_text(kept)
    assert "patients that the models have not seen" not in changed
    assert "share a patient" not in changed and " groups of patients" not in changed


def test_a_study_of_numbers_is_not_said_to_have_classes_or_thresholds(document):
    said = document("regression")
    assert "cross-entropy of the share of the range" in said and "no threshold is used" in said
    assert "missed positive" not in said and "all classes have the same weight" not in said
    assert "missed positive" in document("binary")


def test_scores_of_models_come_before_what_tests_them():
    frame = {"row": "a", "n": "9", "p_corrected": "1", "repeats": "1", "r2": ".5", "r2_low": ".4", "r2_high": ".6"}
    columns = shown_frame(pd.DataFrame([frame]), "comparison.csv").columns
    assert columns == ["model", "cases", "R2", "p, corrected", "repeats"]


def test_words_of_tables_and_settings_do_not_run(reported, document):
    document("binary")
    study = reported("binary")
    job, layout = study.plan.document(), study.plan.layout
    parts = [replace(part, item=part.item._replace(title=SCRIPT, caption=SCRIPT)) for part in job.settings["parts"]]
    changed = {"check": pd.DataFrame([FINDING | {"found": SCRIPT}]).to_csv(index=False)}
    changed["label_errors"] = f'pair_id,label\n"{SCRIPT}","{SCRIPT}"\n'
    files = {study.folder / layout.table(name): text for name, text in changed.items()}
    kept = {file: file.read_text() for file in files}
    try:
        for file, text in files.items():
            file.write_text(text)
        with chdir(study.folder):
            call(job.stage, job.arguments | {"parts": parts, "notice": SCRIPT})
        page = Page(study.read(layout.report))
    finally:
        for file, text in kept.items():
            file.write_text(text)
        again(study)
    assert len(page.scripts) == 1 and page.running == [] and page.outside == []
    assert all("window.PWNED" in page.texts[name] for name in ["label_errors", "leakage-text", "verdict"])


def test_the_ten_questions_of_a_reviewer_are_answered_in_place_and_listed_in_the_docs(document):
    page = Page(document("binary"))
    assert len(QUESTIONS) == 10
    assert [anchor for anchor in QUESTIONS.values() if not page.texts.get(anchor, "").strip()] == []
    listed = (ROOT / "docs/reading-a-report.md").read_text(encoding="utf-8")
    for asked, anchor in QUESTIONS.items():
        assert asked in listed and f"`#{anchor}`" in listed
        assert f"#{anchor}" in page.links, "one click from the head of the document"


@pytest.mark.parametrize(("name", "number"), [("TRIPOD+AI", 52), ("CLAIM 2024", 44)])
def test_each_item_of_a_checklist_has_its_place_or_is_not_reported(document, name, number):
    page = Page(document("binary"))
    (checklist,) = [each for each in CHECKLISTS if each.name == name]
    everywhere = items(checklist, page.ids)
    assert len(everywhere) == number == len({item.number for item in everywhere})
    assert [item.number for item in items(checklist, []) if item.places] == []
    named = pd.read_csv(ROOT / "workflow/lungfuse/report/document/guidelines" / checklist.file, keep_default_na=False)
    optional = {"sites", "per_label", "explanation_scores", "limits-biases"}  # which not every study has
    missing = {place for places in named["places"] for place in places.split()} - set(page.ids)
    assert missing <= optional, "a place that no document has"
    lost = sum(not item.places for item in everywhere)
    assert f"{number} items, {number - lost} of them reported here" in document("binary")


def test_a_table_can_be_taken_along_as_its_file_with_every_digit(document, reported):
    page = Page(document("binary"))
    study = reported("binary")
    held = [unquote(link.partition(",")[2]) for link in page.links if link.startswith("data:text/csv")]
    assert study.read(study.plan.layout.table("verdict")) in held
    assert study.read(study.plan.comparison_table) in held


def test_figures_link_to_how_they_were_made(document):
    page = Page(document("binary"))
    assert "provenance.html#results/drawn/figures/verdict.svg" in page.links


PLANTED = ["Zacharias", "The lungs are clear.", "Lungs low."]


@pytest.fixture
def shared(reported, document) -> str:
    """The report of the small study, shared; a name of a patient is planted where cells and texts are quoted."""
    document("binary")
    study = reported("binary")
    plan = Plan(study.plan.name, study.plan.study.model_copy(update={"share": "aggregate"}))
    files = [study.folder / study.plan.layout.table("check"), study.folder / study.plan.layout.data_check["check_page"]]
    kept = [*files, study.folder / study.plan.layout.report]
    before = {file: file.read_text(encoding="utf-8") for file in kept}
    job = plan.document()
    try:
        with chdir(study.folder):
            pd.read_csv(files[0]).assign(found="Zacharias is in 3 rows", severity="warning").to_csv(
                files[0], index=False
            )
            files[1].write_text("# Data check\n\nZacharias: The lungs are clear.\n")
            call(job.stage, job.arguments)
        return study.read(study.plan.layout.report)
    finally:
        for file, text in before.items():
            file.write_text(text, encoding="utf-8")


def test_a_shared_report_has_no_image_no_text_and_no_name(shared):
    assert [planted for planted in PLANTED if planted in shared] == []
    assert "data:image" not in shared and "<image" not in shared
    of_cases = {"examples", "disagreements", "words", "label_errors", "confusion"}
    page = Page(shared)
    assert not of_cases & {*page.ids}
    assert {unquote(link[1:]) for link in page.links if link.startswith("#")} <= {*page.ids}
    assert "not in a report that is shared" in shared

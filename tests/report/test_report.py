"""What the report shows of small studies of every task: figures, tables, pages and cards."""

import re

import numpy as np
import pandas as pd
import pytest
from small_report import MODELS

from lungfuse.report.style import colours_of_inputs, inputs_of, row_names

IN_EVERY_STUDY = {"funnel", "distributions", "comparison", "examples", "segmentation", "regions", "calibration"}
IN_EVERY_STUDY |= {"curves", "ablations", "verdict", "missing", "disagreements", "provenance", "permuted", "power"}
IN_EVERY_STUDY |= {"gain_parts", "gain_by_subgroup", "modality_values"}
IN_EVERY_STUDY |= {"decisions", "net_benefit", "operating_points", "conformal", "label_errors"}
OF_TASK = {"binary": {"roc_calibration", "confusion", "leakage", "words", "shortcuts"}}
OF_TASK |= {"multiclass": {"confusion", "per_label"}, "multilabel": {"per_label"}}


OF_TASK["ordinal"] = OF_TASK["multiclass"]
OF_NUMBERS = IN_EVERY_STUDY - {"calibration", "conformal", "decisions", "disagreements", "gain_parts", "label_errors"}
OF_NUMBERS = OF_NUMBERS - {"net_benefit", "operating_points"} | {"number_intervals"}


def test_what_is_of_classes_alone_is_left_out_of_a_study_of_numbers(reported):
    assert set(reported("regression").plan.analyses) == OF_NUMBERS


@pytest.mark.parametrize("task", OF_TASK)
def test_a_study_has_the_analyses_that_its_task_and_models_ask_for(reported, task):
    assert set(reported(task).plan.analyses) == IN_EVERY_STUDY | OF_TASK[task]


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        ("funnel", ["images", "2,000", "120"]),
        ("distributions", ["normal", "lung", "findings", "words (3 empty)", "Here", "There"]),
        ("comparison", ["majority", "tfidf, findings", "published", "accuracy, out of fold", "early, raw, age+sex"]),
        ("confusion", ["majority", "findings", "normal", "lung", "predicted"]),
        ("roc_calibration", ["tfidf", "findings", "1 - specificity, mean score", "0."]),
        ("calibration", ["early", "linear-probe_segmented", "probability", "share that has the label"]),
        ("decisions", ["majority", "sensitivity", "by raw score at one half"]),
        ("net_benefit", ["early against", ": lung", "best part", "threshold of the probability"]),
        ("operating_points", ["lung: sensitivity 0.9 required", "lung: sensitivity 0.95 required", "specificity"]),
        ("conformal", ["all pairs", "normal", "class-conditional", "coverage"]),
        ("ablations", ["early:", "image alone", "structured alone", "dropped-structured", "points", "+"]),
        ("verdict", ["image + age, sex", "against ", "gain in AUROC, points", "better"]),
        ("segmentation", ["unet-cxr-masks, Montgomery (9 patients)", "0.960 (0.950-0.970)"]),
        ("leakage", ["findings", "without", "the same patient on both sides", "(cumulative)", "no control"]),
        ("words", ["findings", "clear (", "lung (0)"]),
        ("shortcuts", ["findings: number of words", "the hospital"]),
        ("missing", ["logistic: all there (111 pairs)", "no structured (9 pairs)", "no text (3 pairs)"]),
        ("curves", ["image", "structured", "training", "validation", "kept"]),
        ("examples", ["normal", "lung", "The lungs are clear."]),
        ("disagreements", ["early right, image wrong (early 0."]),
    ],
)
def test_a_figure_shows_what_its_table_says(reported, figure, shown):
    found = reported("binary").words(figure)
    assert [text for text in ["drawn (drawn)", *shown] if text not in found] == []


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_figures_of_classes_and_labels_show_each_of_them(reported, task):
    study = reported(task)
    comparison, labels, spread = (study.words(name) for name in ["comparison", "per_label", "distributions"])
    assert "AUROC, out of fold" in comparison and "accuracy, out of fold" in comparison
    for said in ["image_base", "early, raw, age+sex", "image and structured"]:
        assert said in comparison and said in labels
    assert all(label in labels for label in ["clear", "effusion", "nodule"])
    assert ("grey: unknown" in spread) == (task == "multilabel")
    for name in ["calibration", "net_benefit", "operating_points", "conformal"]:
        assert [label for label in ["clear", "effusion", "nodule"] if label not in study.words(name)] == [], name
    assert "balanced accuracy" in study.words("decisions")
    examples = study.words("examples")
    assert "nodule" in examples and "no image" not in examples
    disagreements = {"multiclass": r"(clear|nodule|effusion): early right, image wrong \(early 0\.\d\d, image 0"}
    disagreements["multilabel"] = r"(no )?(clear|nodule|effusion): early right, structured wrong \(early [01]\.\d\d"
    assert re.search(disagreements[task], study.words("disagreements"))


@pytest.mark.parametrize("figure", ["distributions", "confusion", "disagreements"])
def test_a_figure_is_the_same_bytes_every_time(reported, figure):
    study = reported("binary")
    study.words(figure)
    drawn = study.folder / study.plan.layout.figure(figure)
    before = drawn.read_bytes()
    study.done.discard(("analysis", figure))
    study.words(figure)
    assert drawn.read_bytes() == before


TABLES = [
    "ablations",
    "calibration",
    "decisions",
    "label_errors",
    "leakage",
    "missing",
    "shortcuts",
    "verdict",
    "words",
]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_becomes_a_page_that_bears_the_notice_and_its_caption(reported, name):
    study = reported("binary")
    study.run("analysis", name)
    page = study.read(study.plan.layout.page(name))
    item = study.plan.item(name)
    assert re.search(rf"<h1>{item.title}: drawn \(drawn\)</h1>.*<td", page, re.S)
    assert item.caption[:60] in page


def test_masks_are_drawn_for_each_segmenter(reported):
    study = reported("binary")
    job = study.run("draw_masks", "unet-cxr-masks")
    assert "area 30%" in study.read(job.outputs["figure"])


@pytest.fixture
def cards(reported):
    """The data card and the model card of the study of a task."""

    def written(task: str) -> list[str]:
        study = reported(task)
        study.run("compare")
        for name in {"ablations", "per_label"} & set(study.plan.analyses):
            study.run("analysis", name)
        job = study.run("pages")
        return [study.read(job.outputs[name]) for name in ["data_card", "model_card"]]

    return written


def test_the_data_card_says_what_the_data_are_and_are_not(reported, cards):
    card, _ = cards("binary")
    labels = reported("binary").drawn.pairs["label"]
    assert "**Drawn.**" in card
    for said in ["Demner-Fushman", "CC BY-NC-ND 4.0", "Known biases", "Not for diagnosis", "is broken"]:
        assert said in card
    assert f"{(labels == 0).sum()} normal, {(labels == 1).sum()} lung" in card
    assert re.search(r"findings +\| +3 +\| +2 +\| +4", card), "three are empty, the shortest has two words"
    assert re.search(r"Here +\| +\d+", card), "pairs by site"


def test_the_model_card_has_the_scores_and_what_they_are_not_for(cards):
    _, card = cards("binary")
    assert re.search(r"tfidf +\| 0\.\d{3} \(0\.\d+-[01]\.\d+\)", card)
    for said in ["Brier", "image alone", " to -", "Not for diagnosis"]:
        assert said in card


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_the_cards_say_what_is_asked_and_what_is_missing(cards, task):
    data, models = cards(task)
    assert "40 have no image" in data
    assert re.search(r"age +\| years +\| 9 .*\| 64 ", data) and re.search(r"sex +\| category +\| 0 .*\| F ", data)
    assert "its crp is effusion" in data
    assert "image encoders vit-tiny and vit-base" in models.lower()
    assert re.search(r"early +\| 2 +\| unimodal +\| frozen", models), "how often it was trained"
    assert re.search(r"early +\| [01]\.\d{3} +\| [01]\.\d{3} +\| [01]\.\d{3} ", models), "the AUROC of each label"
    if task == "multilabel":
        assert re.search(r"nodule +\| +\d+ +\| +\d+ +\| +[1-9]", data), "positive, negative and unknown"
        assert "predict which of clear, effusion and nodule are present" in models and "known labels" in models
    else:
        assert re.search(r"\d+ clear, \d+ effusion, \d+ nodule", data) and "missing of nodule" in data
        assert "distinguish clear, effusion and nodule" in models and "highest score" in models


def test_the_cards_of_numbers_say_the_range_and_nothing_of_classes(cards):
    data, models = cards("regression")
    assert "The number age is read from crp" in data and "from 20 to 80 is left out" in data
    assert re.search(r"\d+ age up to 5\d", data) and re.search(r"early +\| 0\.\d{3} \(", models)
    assert "predict the number age, from 20 to 80" in models
    assert "Brier" not in models and "sensitivity" not in models


def test_the_other_pages_bear_the_notice_too(reported, cards):
    cards("binary")
    study = reported("binary")
    pages = {name: study.read(study.plan.layout.page(name)) for name in study.plan.pages_shown}
    assert set(pages) == {
        "data_check", "data_card", "comparison", "segmentation", "model_card", "settings", "run_times"
    }  # fmt: skip
    assert [name for name, page in pages.items() if "drawn" not in page.lower()] == []
    assert [name for name, page in pages.items() if not re.search(r"<h1>.+</h1>.*<td", page, re.S)] == []
    assert "is broken | twice" in pages["data_card"], "a bar in a cell is no new column"


def test_what_models_read_has_a_colour_of_its_own(reported):
    study = reported("binary")
    table = study.plan.configs
    assert list(table) == list(MODELS)
    read = pd.DataFrame(
        {"model": ["image", "image", "structured", "early"], "images": ["raw", "raw", "", "raw"], "text": ""}
    ).assign(structured=["", "", "age sex", "age sex"], row=["image", "image_base", "structured", "early"])
    assert inputs_of(read) == ["image", "image", "structured", "image and structured"]
    assert row_names(read) == ["image", "image_base", "structured, age+sex", "early, raw, age+sex"]
    colours = colours_of_inputs()
    assert list(colours)[:3] == ["", "image", "text"] and len(set(colours.values())) == 8


def test_sections_of_the_report_are_numbered_as_the_study_has_them(reported):
    binary, labels = reported("binary").plan, reported("multilabel").plan
    numbers = [binary.heading_of(binary.item(name)) for name in ["funnel", "segmentation", "comparison", "words"]]
    assert numbers == ["01 Data", "02 Masks", "03 Results", "09 Leakage"]
    assert labels.heading_of(labels.item("curves")) == "09 Training", "it has no audit of leakage"
    assert np.isin(["01 Data"], [binary.heading_of(item) for item in binary.pages_shown.values()]).all()

"""Figures, pictures and cards of studies with several classes, several labels and structured columns."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from small_study import run_stage

from lungfuse.compare.compare import compare
from lungfuse.compare.own_text import with_own_text
from lungfuse.compare.page import render
from lungfuse.compare.scores import join_predictions
from lungfuse.compare.subsets import per_label
from lungfuse.report import pictures
from lungfuse.report.diagnostics import Scored, draw_confusion
from lungfuse.report.style import colours_of_inputs, inputs_of, row_names
from lungfuse.settings.ingest import LabelRule
from lungfuse.settings.rows import Row
from lungfuse.tables.base import write_table
from lungfuse.tables.comparison import Comparison, PerLabel
from lungfuse.tables.ingest import Columns, Funnel, ImageIndex, Pairs, Rejected, Structured, rejected_table
from lungfuse.tables.training import Predictions

ROWS = {
    "image": Row(model="image", images="raw"),
    "image_base": Row(model="image", images="raw", encoders={"image": "vit-base"}),
    "structured": Row(model="structured", structured=["age", "sex"]),
    "early": Row(model="early", images="raw", structured=["age", "sex"]),
}


@pytest.fixture
def study(draw, studies, settings, tmp_path):
    """Write the files of a study in which every third pair has no image; returns what its stages are given."""

    def made(name: str) -> dict:
        drawn = draw(name)
        task, number = drawn.task, np.arange(120)
        pairs = drawn.pairs.assign(image_id=np.where(number % 3, drawn.pairs["pair_id"], ""))
        predictions = [drawn.predictions(noise, seed) for seed, noise in enumerate([3, 2, 2])]
        predictions += [drawn.predictions(0.5, 3, repeats=2)]
        joined = [join_predictions(task, pairs, each, tmp_path) for each in predictions]
        names, rows = list(ROWS), list(ROWS.values())
        scored = compare(task, names, rows, joined, [0.5] * 4, settings, seed=0)
        scored = with_own_text(task, scored, rows, pairs, joined)
        values = pd.DataFrame({"pair_id": pairs["pair_id"], "age": np.where(number < 9, "", number.astype(str))})
        described = pd.DataFrame({"name": ["age", "sex"], "kind": ["number", "category"], "unit": ["years", ""]})
        index = pd.DataFrame({"image_id": pairs["image_id"][number % 3 > 0], "row": np.arange(80)})
        funnel = pd.DataFrame({"step": ["pairs"], "count": [120], "negative": [None], "positive": [None]})
        tables = {
            "pairs": (pairs, Pairs),
            "comparison": (scored, Comparison),
            "per_label": (per_label(task, names, rows, joined, settings, seed=0), PerLabel),
            "columns": (described, Columns),
            "index": (index.assign(width=16, height=16), ImageIndex),
            "funnel": (funnel, Funnel),
            "rejected": (rejected_table([]), Rejected),
        }
        for table, (frame, kind) in tables.items():
            write_table(frame, tmp_path / f"{table}.csv", kind)
        write_table(values.assign(sex="F"), tmp_path / "structured.csv", Structured, ["age", "sex"])
        for row, each in zip(names, predictions, strict=True):
            write_table(each, tmp_path / f"predictions/{row}.csv", Predictions)
        np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 255, (80, 16, 16, 3), dtype=np.uint8))
        (tmp_path / "data_check.md").write_text("# Data check: drawn\n")
        (tmp_path / "comparison.md").write_text(render(name, task.labels, scored, pairs, "drawn", "", settings))
        rules = [LabelRule(name=label, column="finding", positive=[label]) for label in task.labels]
        changed = {"task": name, "modalities": ["image", "structured"], "models": ROWS}
        changed |= {"filter": studies["demo"].filter.model_copy(update={"labels": rules})}
        files = {name: tmp_path / f"{name}.csv" for name in ["pairs", "funnel", "index", "rejected", "structured"]}
        files |= {"comparison_table": tmp_path / "comparison.csv", "tables": [tmp_path / "per_label.csv"]}
        files |= {"predictions": [tmp_path / f"predictions/{row}.csv" for row in names]}
        asked = {"title": "drawn", "notice": "", "task": name, "labels": task.labels, "seed": 0}
        return files | asked | {"settings": studies["demo"].model_copy(update=changed)}

    return made


def given(study: dict, *names: str) -> dict:
    return {name: study[name] for name in names}


SHARED = ["title", "notice", "task", "labels", "pairs", "comparison_table", "predictions"]


@pytest.mark.parametrize(
    ("task", "drawn"),
    [("multiclass", {"confusion", "per_label"}), ("multilabel", {"per_label"})],
)
def test_a_task_has_the_figures_that_show_it(study, tmp_path, task, drawn):
    run_stage("figures", **given(study(task), *SHARED, "funnel", "tables"), figures=tmp_path / "figures")
    words = {
        path.stem: " ".join(ElementTree.parse(path).getroot().itertext()) for path in (tmp_path / "figures").iterdir()
    }
    assert set(words) == drawn | {"funnel", "distributions", "comparison"}
    assert {"multiclass": "accuracy, out of fold", "multilabel": "mean AUROC"}[task] in words["comparison"]
    for said in ["image_base", "early, raw, age+sex", "image and structured"]:
        assert said in words["comparison"] and said in words["per_label"]
    assert all(label in words["per_label"] for label in ["clear", "effusion", "nodule"])
    assert ("grey: unknown" in words["distributions"]) == (task == "multilabel")


def test_a_confusion_matrix_has_a_line_a_class(draw):
    drawn = draw("multiclass")
    panel = draw_confusion([Scored("row", "image", drawn.joined(1))], drawn.task.labels, "drawn").axes[0]
    counts = np.array([int(text.get_text()) for text in panel.texts]).reshape(3, 3)
    assert counts.sum(axis=1).tolist() == np.bincount(drawn.pairs["label"]).tolist()
    assert counts.trace() == (drawn.joined(1)["label"] == drawn.joined(1)["prediction"]).sum()


@pytest.mark.parametrize(
    ("task", "title"),
    [
        ("multiclass", r"(clear|nodule|effusion): early right, image wrong \(early 0\.\d\d, image 0"),
        ("multilabel", r"(no )?(clear|nodule|effusion): early right, structured wrong \(early [01]\.\d\d, image"),
    ],
)
def test_pictures_in_colour_of_pairs_that_have_an_image(study, tmp_path, task, title):
    made = study(task)
    run_stage("pictures",
        **given(made, *SHARED, "seed", "index"), array=tmp_path / "images.npy", figures=tmp_path / "figures"
    )  # fmt: skip
    words = {
        path.stem: " ".join(ElementTree.parse(path).getroot().itertext()) for path in (tmp_path / "figures").iterdir()
    }
    assert set(words) == {"examples", "disagreements"}
    assert "nodule" in words["examples"] and "no image" not in words["examples"]
    assert re.search(title, words["disagreements"])


def test_examples_of_several_labels_have_each_of_them(draw):
    drawn = draw("multilabel")
    chosen = pictures.examples(drawn.task, drawn.pairs, seed=0)
    assert len(set(chosen)) == len(chosen) == 6
    assert ((drawn.task.targets(drawn.pairs)[chosen] == 1).sum(axis=0) >= 2).all()


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_the_cards_say_what_is_asked_and_what_is_missing(study, tmp_path, task):
    made = study(task)
    run_stage("pages",
        **given(made, "title", "settings", "funnel", "pairs", "rejected", "comparison_table", "predictions", "tables"),
        structured=made["structured"], structured_columns=tmp_path / "columns.csv", logs=tmp_path / "logs",
        comparison_page=tmp_path / "comparison.md", check_page=tmp_path / "data_check.md",
        data_card=tmp_path / "data_card.md", model_card=tmp_path / "model_card.md", pages=tmp_path / "pages",
    )  # fmt: skip
    data, models = ((tmp_path / f"{card}_card.md").read_text() for card in ["data", "model"])
    assert "of which image and structured are read" in data and "40 have no image" in data
    assert re.search(r"age +\| years +\| 9 .*\| 64 ", data) and re.search(r"sex +\| category +\| 0 .*\| F ", data)
    assert "its finding is effusion" in data
    assert "image encoders vit-tiny and vit-base" in models.lower()
    assert re.search(r"early +\| 2 +\| frozen", models), "how often it was trained on each fold"
    assert re.search(r"early +\| [01]\.\d{3} +\| [01]\.\d{3} +\| [01]\.\d{3} ", models), "the AUROC of each label"
    if task == "multilabel":
        assert re.search(r"nodule +\| +\d+ +\| +\d+ +\| +[1-9]", data), "positive, negative and unknown"
        assert "say which of clear, effusion and nodule there are" in models and "known labels" in models
    else:
        assert re.search(r"\d+ clear, \d+ effusion, \d+ nodule", data) and "missing of nodule" in data
        assert "tell clear, effusion and nodule apart" in models and "highest score" in models


def test_what_rows_read_has_a_colour_of_its_own():
    table = pd.DataFrame([row.named | {"row": name} for name, row in ROWS.items()])
    assert inputs_of(table) == ["image", "image", "structured", "image and structured"]
    assert row_names(table) == ["image", "image_base", "structured, age+sex", "early, raw, age+sex"]
    colours = colours_of_inputs()
    assert list(colours)[:3] == ["", "image", "text"] and len(set(colours.values())) == 8

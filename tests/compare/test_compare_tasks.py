"""The comparison and its analyses on drawn predictions of every task."""

from pathlib import Path

import numpy as np
import pytest
from model_configs import model_config
from small_report import MODELS

from lungfuse.analyses.calibration import Calibration
from lungfuse.analyses.missing import Missing
from lungfuse.compare.brier import brier_score
from lungfuse.compare.compare import encoder_names
from lungfuse.compare.scores import join_predictions
from lungfuse.errors import UserError
from lungfuse.plan.load import load_studies
from lungfuse.tables.comparison import Ablations, Comparison, PerLabel
from lungfuse.tasks import load_task


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("binary", ["positive)", "gain in AUROC"]),
        ("multiclass", [" clear, ", " nodule)", "each against the rest", "gain in AUROC"]),
        ("multilabel", [" effusion, ", "means over the labels", "gain in AUROC"]),
        ("ordinal", [" clear, ", " nodule)", "of a grade or more", "quadratic kappa", "gain in AUROC"]),
    ],
)
def test_every_task_has_a_comparison_and_a_page_that_says_what_it_compares(reported, task, said):
    study = reported(task)
    table = study.table("comparison", Comparison).set_index("row")
    assert list(table.index) == list(MODELS) and (table["n"] == 120).all()
    assert table["auroc"].idxmax() == "early" and table.loc["early", "repeats"] == 2
    assert table.loc["early", "structured"] == "age sex" and table.loc["image", "structured"] == ""
    assert table.loc["image", "encoders"] == "vit-tiny" and table.loc["image_base", "encoders"] == "vit-base"
    assert table.loc["early", "reference"] in ["image", "image_base", "structured"]
    assert table.loc["early", "p_corrected"] < 0.05
    page = study.read(study.plan.layout.comparison_page)
    assert [words for words in said if words not in page.replace("\n", " ")] == []


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_every_task_has_its_analyses(reported, task):
    study = reported(task)
    ablations = study.table("ablations", Ablations).set_index("change")
    assert list(ablations.index) == ["image alone", "structured alone", "dropped-structured"]
    assert ablations.loc["structured alone", "value"] == study.table("comparison", Comparison)["auroc"].max()
    assert (ablations["difference"] < 0).all() and ablations.loc["dropped-structured", "changed"] == "early_dropped"
    assert study.table("calibration", Calibration).set_index("row")["brier_score"].idxmin() == "early"
    missing = study.table("missing", Missing).set_index("row")
    assert missing.loc["logistic", "n"].tolist() == [111, 9], "without an age, or with one"
    assert missing["positives"].isna().all() == (task != "binary")
    if task != "binary":
        assert len(study.table("per_label", PerLabel)) == 3 * len(MODELS)


def test_the_brier_score_of_labels_is_the_mean_of_known_ones(draw):
    drawn = draw("multilabel")
    joined = drawn.joined(2)
    squares = (drawn.task.of("score", joined) - drawn.task.targets(joined)) ** 2
    assert brier_score(drawn.task, joined, "score") == pytest.approx(np.nanmean(squares, axis=0).mean())


def test_predictions_of_other_labels_are_refused(draw):
    drawn = draw("multilabel")
    other = load_task("multilabel", ["clear", "pneumonia", "nodule"])
    with pytest.raises(UserError, match=r"p\.csv: no column score_pneumonia; found .*score_effusion"):
        join_predictions(other, drawn.pairs, drawn.predictions(1), Path("p.csv"))


def test_a_late_fusion_has_the_encoders_of_its_parts():
    image = model_config("image", name="image_base", images="raw", encoders={"image": "vit-base"})
    parts = {"image": "image_base", "text": "text"}
    late = model_config("late", images="raw", text="findings", parts=parts)
    models = [model_config("logistic", structured=["age"]), image, model_config("text", text="findings"), late]
    assert encoder_names(models) == ["", "vit-base", "bert-tiny", "vit-base + bert-tiny"]


def test_audits_of_two_classes_are_refused_for_other_tasks(params):
    params["studies"]["demo"] |= {"task": "multiclass"}
    params["studies"]["demo"].setdefault("filter", {})["balance"] = "none"
    with pytest.raises(UserError, match=r"demo.*leakage\.sections: found .*findings.*Say \[\]"):
        load_studies(params)

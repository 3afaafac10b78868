"""The stages `compare` and `sites` on drawn predictions of every task."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_study import run_stage

from lungfuse.compare.calibration import brier_score
from lungfuse.compare.compare import encoder_names
from lungfuse.compare.scores import join_predictions
from lungfuse.errors import UserError
from lungfuse.settings.params import load_studies
from lungfuse.settings.rows import Row
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.comparison import Ablations, Calibration, Comparison, Missing, PerLabel, Sites
from lungfuse.tables.ingest import Pairs, Structured
from lungfuse.tables.training import Predictions, ValidationPredictions
from lungfuse.tasks import load_task

ROWS = {
    "logistic": Row(model="logistic", structured=["age"]),
    "image": Row(model="image", images="raw"),
    "image_base": Row(model="image", images="raw", encoders={"image": "vit-base"}),
    "early": Row(model="early", images="raw", structured=["age"]),
    "early_dropped": Row(model="early", images="raw", structured=["age"], ablation="dropped-structured"),
}
NOISE = dict(zip(ROWS, [4, 2, 2, 0.7, 2], strict=True))


@pytest.fixture
def written(draw, studies, settings, tmp_path):
    """Run the stages on a task; returns the folder of what they write."""

    def run(name: str):
        drawn = draw(name)
        pairs = drawn.pairs.assign(site=np.where(np.arange(120) < 60, "here", "there"), findings="Clear.")
        write_table(pairs, tmp_path / "pairs.csv", Pairs)
        values = pd.DataFrame({"pair_id": pairs["pair_id"], "age": np.where(np.arange(120) < 12, "", "60")})
        write_table(values[::-1], tmp_path / "structured.csv", Structured, ["age"])
        files = {"predictions": [], "validated": []}
        for seed, (row, noise) in enumerate(NOISE.items()):
            predictions = drawn.predictions(noise, seed)
            files["predictions"].append(tmp_path / f"predictions/{row}.csv")
            files["validated"].append(tmp_path / f"validated/{row}.csv")
            write_table(predictions.sample(frac=1, random_state=0), files["predictions"][-1], Predictions)
            write_table(predictions[::3], files["validated"][-1], ValidationPredictions)
        shared = {"task": name, "labels": drawn.task.labels, "models": list(ROWS.values()), "seed": 0}
        shared |= {"comparison": settings, "pairs": tmp_path / "pairs.csv"}
        tables = ["comparison_table", "ablations_table", "calibration_table", "missing_table"]
        outputs = {table: tmp_path / f"{table.removesuffix('_table')}.csv" for table in tables}
        outputs |= {"per_label_table": tmp_path / "per_label.csv"} if name != "binary" else {}
        run_stage("compare",
            title="drawn", notice="drawn", encoders=studies["demo"].encoders, **shared, **files, **outputs,
            structured=tmp_path / "structured.csv", comparison_page=tmp_path / "comparison.md",
            metrics=tmp_path / "metrics.json",
        )  # fmt: skip
        run_stage("sites", **shared, predictions=files["predictions"], sites_table=tmp_path / "sites.csv")
        return tmp_path

    return run


@pytest.mark.parametrize(
    ("task", "primary", "said"),
    [
        ("binary", "accuracy", ["positive)", "best accuracy on", "| structured", "| vit-base"]),
        ("multiclass", "accuracy", [" clear, ", " nodule)", "each against the rest", "equal accuracy"]),
        ("multilabel", "auroc", [" effusion, ", "means over the labels", "best AUROC on", "equal AUROC"]),
    ],
)
def test_every_task_has_all_tables_and_a_page_that_says_what_it_compares(written, task, primary, said):
    folder = written(task)
    table = read_table(folder / "comparison.csv", Comparison).set_index("row")
    assert list(table.index) == list(ROWS)
    assert table[primary].idxmax() == "early" and (table["n"] == 120).all()
    assert table["structured"].tolist() == ["age", "", "", "age", "age"]
    assert table.loc["image", "encoders"] == "vit-tiny" and table.loc["image_base", "encoders"] == "vit-base"
    assert table.loc["early", "reference"] in ["image", "image_base"] and table.loc["early", "p_corrected"] < 0.05
    ablations = read_table(folder / "ablations.csv", Ablations).set_index("change")
    assert list(ablations.index) == ["image alone", "structured alone", "dropped-structured"]
    assert ablations.loc["structured alone", "accuracy"] == table.loc["early", primary]
    assert (ablations["difference"] < 0).all() and ablations.loc["dropped-structured", "changed"] == "early_dropped"
    calibration = read_table(folder / "calibration.csv", Calibration).set_index("row")
    assert calibration["brier_score"].idxmin() == "early"
    missing = read_table(folder / "missing.csv", Missing)
    assert missing["row"].tolist() == ["logistic"] * 2 + ["early"] * 2 and missing["n"].tolist() == [108, 12] * 2
    page = (folder / "comparison.md").read_text()
    assert [words for words in said if words not in page] == []
    at_sites = read_table(folder / "sites.csv", Sites)
    assert len(at_sites) == 2 * len(ROWS) and at_sites["positives"].isna().all() == (task != "binary")
    assert (folder / "per_label.csv").exists() == (task != "binary")
    if task != "binary":
        assert len(read_table(folder / "per_label.csv", PerLabel)) == 3 * len(ROWS)


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


def test_a_late_fusion_has_the_encoders_of_its_parts(studies):
    rows = ROWS | {"text": Row(model="text", text="findings")}
    rows["late"] = Row(model="late", images="raw", text="findings", parts={"image": "image_base"})
    found = encoder_names(list(rows), list(rows.values()), studies["demo"].encoders)
    assert found[-1] == "vit-base + bert-tiny" and found[0] == ""


def test_audits_of_two_classes_are_refused_for_other_tasks(params):
    params["studies"]["demo"] |= {"task": "multiclass"}
    params["studies"]["demo"].setdefault("filter", {})["balance"] = "none"
    with pytest.raises(UserError, match=r"demo.*leakage\.sections: found .*findings.*Say \[\]"):
        load_studies(params)

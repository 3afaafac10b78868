import numpy as np
import pandas as pd
import pytest

from lungfuse.compare.scores import score_with_intervals
from lungfuse.compare.subsets import by_missing, lacking, per_label, read_structured
from lungfuse.paths import Paths
from lungfuse.settings.rows import Row
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import Structured

EARLY = Row(model="early", images="raw", text="indication", structured=["age", "sex"])


def test_each_label_is_scored_on_the_pairs_where_it_is_known(draw, settings):
    drawn = draw("multilabel")
    joined = drawn.joined(noise=1.5, repeats=2)
    table = per_label(drawn.task, ["early"], [EARLY], [joined], settings, seed=0).set_index("label")
    known = drawn.pairs["label_nodule"].dropna()
    assert (table.loc["nodule", "n"], table.loc["nodule", "positives"]) == (len(known), known.sum())
    assert (table["structured"] == "age sex").all() and (table["row"] == "early").all()
    assert ((table["auroc_low"] < table["auroc"]) & (table["auroc"] < table["auroc_high"])).all()
    means = score_with_intervals(drawn.task, joined, 0.95, 200, seed=0)
    for metric in ["auroc", "auprc", "sensitivity", "specificity"]:
        assert table[metric].mean() == pytest.approx(means[metric][0], abs=1e-4)


def test_a_class_is_scored_against_the_rest(draw, settings):
    drawn = draw("multiclass")
    table = per_label(drawn.task, ["image"], [Row(model="image", images="raw")], [drawn.joined(1)], settings, seed=0)
    assert table["label"].tolist() == drawn.task.labels
    assert table["positives"].tolist() == np.bincount(drawn.pairs["label"]).tolist() and (table["n"] == 120).all()


def test_a_label_that_no_pair_has_is_left_empty(draw, settings):
    drawn = draw("multilabel")
    joined = drawn.joined(1).assign(label_nodule=0, label_effusion=pd.array([pd.NA] * 120, "Int64"))
    table = per_label(drawn.task, ["early"], [EARLY], [joined], settings, seed=0).set_index("label")
    assert table.loc[["nodule", "effusion"], "auroc"].isna().all() and table.loc["clear", "auroc"] > 0.5
    assert table["n"].tolist() == [120, 0, 120]


@pytest.fixture
def values():
    """The structured columns of 120 pairs; the first ten have none, the next ten no age."""
    number = np.arange(120)
    return pd.DataFrame({"age": np.where(number < 20, "", "60"), "sex": np.where(number < 10, "", "F"), "smoker": "no"})


def test_pairs_that_lack_a_modality_are_scored_apart(draw, settings, values):
    drawn = draw("binary")
    pairs = drawn.pairs.assign(image_id=np.where(np.arange(120) % 4, "I", ""), indication="Cough.")
    lacks = lacking(EARLY, pairs, values)
    assert {modality: which.sum() for modality, which in lacks.items()} == {"image": 30, "text": 0, "structured": 10}
    wrong = drawn.joined(0.1)
    wrong.loc[lacks["image"], ["score", "prediction"]] = 1 - wrong.loc[lacks["image"], ["score", "prediction"]]
    rows = {"early": EARLY, "early_dropped": EARLY.model_copy(update={"ablation": "dropped-image"})}
    rows |= {"text": Row(model="text", text="indication")}
    table = by_missing(
        drawn.task, list(rows), list(rows.values()), [wrong] * 3,
        [lacking(row, pairs, values) for row in rows.values()], settings, seed=0,
    )  # fmt: skip
    assert table["row"].tolist() == ["early"] * 3, "an ablation takes it from all pairs, and every pair has a text"
    table = table.set_index("missing")
    assert table["n"].to_dict() == {"": 83, "image": 30, "structured": 10}
    assert (table.loc["", "accuracy"], table.loc["image", "accuracy"]) == (1, 0)
    assert table.loc["image", "positives"] == pairs["label"][::4].sum()


def test_values_are_read_in_the_order_of_the_pairs(draw, values, tmp_path):
    pairs = draw("binary").pairs
    write_table(values.assign(pair_id=pairs["pair_id"])[::-1], tmp_path / "structured.csv", Structured, ["age", "sex"])
    found = read_structured(tmp_path / "structured.csv", pairs)
    assert found["age"].tolist() == values["age"].tolist()


def test_of_several_classes_no_pair_is_positive(draw, settings):
    drawn = draw("multiclass")
    pairs = drawn.pairs.assign(image_id="I", indication=np.where(np.arange(120) < 7, " ", "Cough."))
    row = Row(model="text", text="indication")
    (all_there, missing) = by_missing(
        drawn.task, ["text"], [row], [drawn.joined(1)], [lacking(row, pairs, None)], settings, seed=0
    ).to_dict("records")
    assert (all_there["n"], missing["n"]) == (113, 7) and pd.isna(missing["positives"])


def test_a_study_has_the_tables_that_its_task_and_rows_ask_for(studies):
    demo, tb = (Paths(name, studies[name]) for name in ["demo", "tb"])
    assert "missing" in demo.table_names, "an indication may be empty"
    assert "per_label" not in demo.table_names and "roc_calibration" in demo.table_figures
    assert tb.more_scores == {}, "every pair has an image"
    rows = {"early": EARLY}
    several = demo.study.model_copy(update={"task": "multilabel", "models": rows})
    figures = Paths("demo", several).table_figures
    assert {"per_label", "missing"} <= set(figures) and not {"confusion", "roc_calibration"} & set(figures)

import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from small_comparison import results_of

from lungfuse.analyses.per_label import compute
from lungfuse.compare.scores import score_with_intervals

EARLY = model_config("early", images="raw", text="indication", structured=["age", "sex"])


def test_each_label_is_scored_on_the_pairs_where_it_is_known(draw, settings):
    drawn = draw("multilabel")
    joined = drawn.joined(noise=1.5, repeats=2)
    table = compute(results_of({"early": EARLY}, [joined], task=drawn.task), settings, seed=0).set_index("label")
    known = drawn.pairs["label_nodule"].dropna()
    assert (table.loc["nodule", "n"], table.loc["nodule", "positives"]) == (len(known), known.sum())
    assert (table["structured"] == "age sex").all() and (table["row"] == "early").all()
    assert ((table["auroc_low"] < table["auroc"]) & (table["auroc"] < table["auroc_high"])).all()
    means = score_with_intervals(drawn.task, joined, 0.95, 200, seed=0)
    for metric in ["auroc", "auprc", "sensitivity", "specificity"]:
        assert table[metric].mean() == pytest.approx(means[metric][0], abs=1e-4)


def test_a_class_is_scored_against_the_rest(draw, settings):
    drawn = draw("multiclass")
    image = {"image": model_config("image", images="raw")}
    table = compute(results_of(image, [drawn.joined(1)], task=drawn.task), settings, seed=0)
    assert table["label"].tolist() == drawn.task.labels
    assert table["positives"].tolist() == np.bincount(drawn.pairs["label"]).tolist() and (table["n"] == 120).all()


def test_a_label_that_no_pair_has_is_left_empty(draw, settings):
    drawn = draw("multilabel")
    joined = drawn.joined(1).assign(label_nodule=0, label_effusion=pd.array([pd.NA] * 120, "Int64"))
    table = compute(results_of({"early": EARLY}, [joined], task=drawn.task), settings, seed=0).set_index("label")
    assert table.loc[["nodule", "effusion"], "auroc"].isna().all() and table.loc["clear", "auroc"] > 0.5
    assert table["n"].tolist() == [120, 0, 120]

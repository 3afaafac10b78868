import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from small_comparison import results_of

from lungfuse.analyses.missing import compute
from lungfuse.compare.subsets import lacking, read_structured
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import Structured

EARLY = model_config("early", images="raw", text="indication", structured=["age", "sex"])


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
    models = {"early": EARLY, "early_dropped": EARLY.model_copy(update={"ablation": "dropped-image"})}
    models |= {"text": model_config("text", text="indication")}
    table = compute(results_of(models, [wrong] * 3, pairs=pairs, structured=values), settings, seed=0)
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
    results = results_of({"text": model_config("text", text="indication")}, [drawn.joined(1)], (), pairs, drawn.task)
    (all_there, missing) = compute(results, settings, seed=0).to_dict("records")
    assert (all_there["n"], missing["n"]) == (113, 7) and pd.isna(missing["positives"])

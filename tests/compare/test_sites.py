import numpy as np
import pandas as pd
import pytest
from small_study import run_stage

from lungfuse.settings.rows import Row
from lungfuse.tables.base import columns, read_table, write_table
from lungfuse.tables.comparison import Sites
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import Predictions

TASK = {"task": "binary", "labels": ["normal", "tb"]}


@pytest.fixture
def files(tmp_path):
    """A model that tells the sites apart and nothing else; most patients of one are ill, of the other healthy."""
    rng = np.random.default_rng(0)
    site = np.repeat(["north", "south"], 100)
    label = (rng.random(200) < np.where(site == "north", 0.8, 0.2)).astype(int)
    pairs = pd.DataFrame({"label": label, "site": site, "group": np.arange(200), "fold": np.arange(200) % 5})
    pairs["pair_id"] = pairs["report_id"] = pairs["image_id"] = [f"P{n}" for n in range(200)]
    pairs = pairs.assign(**dict.fromkeys(["text", "comparison", "indication", "findings", "impression"], ""))
    pairs["score"] = np.where(site == "north", 0.7, 0.3)
    pairs = pairs.assign(prediction=(pairs["score"] >= 0.5).astype(int), probability=pairs["score"], repeat=0)
    write_table(pairs[columns(Pairs)], tmp_path / "pairs.csv", Pairs)
    write_table(pairs.sample(frac=1, random_state=0), tmp_path / "image.csv", Predictions)
    return {"pairs": tmp_path / "pairs.csv", "predictions": [tmp_path / "image.csv"]}, pairs


def test_a_shortcut_through_the_site_shows_at_each_of_them(files, studies, tmp_path):
    paths, pairs = files
    settings = studies["tb"].comparison
    table = tmp_path / "sites.csv"
    rows = [Row(model="image", images="raw")]
    run_stage("sites", **TASK, models=rows, comparison=settings, seed=0, sites_table=table, **paths)
    scores = read_table(table, Sites).set_index("site")
    assert (pairs["label"] == pairs["prediction"]).mean() > 0.75, "it looks well over all"
    assert list(scores["auroc"]) == [0.5, 0.5], "and knows nothing at either site"
    north = pairs[pairs["site"] == "north"]
    assert scores.loc["north", "false_positives"] == (north["label"] == 0).sum()
    assert scores.loc["south", "false_negatives"] == (pairs["label"][pairs["site"] == "south"] == 1).sum()
    assert (scores["n"] == 100).all()


@pytest.mark.parametrize("patients", [1, 4])
def test_a_site_of_one_class_or_one_patient_has_no_auroc_and_stops_nothing(files, studies, tmp_path, patients):
    paths, pairs = files
    few = pairs.index >= 200 - patients
    pairs = pairs.assign(site=pairs["site"].mask(few, ""), label=pairs["label"].mask(few, 0))
    write_table(pairs[columns(Pairs)], paths["pairs"], Pairs)
    write_table(pairs, paths["predictions"][0], Predictions)
    rows, table = [Row(model="image", images="raw")], tmp_path / "sites.csv"
    run_stage("sites", **TASK, models=rows, comparison=studies["tb"].comparison, seed=0, sites_table=table, **paths)
    scores = read_table(table, Sites).set_index("site")
    assert list(scores.index) == ["", "north", "south"]
    assert (scores.loc["", "n"], scores.loc["", "accuracy"]) == (patients, 1.0)
    assert scores.loc["", ["auroc", "auroc_low", "auroc_high"]].isna().all()
    assert scores.loc[["north", "south"], "auroc_low"].notna().all()

import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from small_comparison import results_of

from lungfuse.analyses.sites import compute
from lungfuse.settings.comparison import Intervals


@pytest.fixture
def pairs():
    """A model that distinguishes the sites and nothing else; most patients of one are ill, of the other healthy."""
    rng = np.random.default_rng(0)
    site = np.repeat(["north", "south"], 100)
    label = (rng.random(200) < np.where(site == "north", 0.8, 0.2)).astype(int)
    pairs = pd.DataFrame({"label": label, "site": site, "group": np.arange(200), "fold": np.arange(200) % 5})
    pairs["pair_id"], pairs["score"] = [f"P{n}" for n in range(200)], np.where(site == "north", 0.7, 0.3)
    return pairs.assign(prediction=(pairs["score"] >= 0.5).astype(int), probability=pairs["score"], repeat=0)


def scores_at_sites(pairs: pd.DataFrame) -> pd.DataFrame:
    """The table of the analysis, by site."""
    results = results_of({"image": model_config("image", images="raw")}, [pairs.drop(columns="site")], pairs=pairs)
    return compute(results, Intervals(confidence=0.95, resamples=200), seed=0).set_index("site")


def test_a_shortcut_through_the_site_shows_at_each_of_them(pairs):
    scores = scores_at_sites(pairs)
    assert (pairs["label"] == pairs["prediction"]).mean() > 0.75, "it looks well over all"
    assert list(scores["auroc"]) == [0.5, 0.5], "and knows nothing at either site"
    north = pairs[pairs["site"] == "north"]
    assert scores.loc["north", "false_positives"] == (north["label"] == 0).sum()
    assert scores.loc["south", "false_negatives"] == (pairs["label"][pairs["site"] == "south"] == 1).sum()
    assert (scores["n"] == 100).all()


@pytest.mark.parametrize("patients", [1, 4])
def test_a_site_of_one_class_or_one_patient_has_no_auroc_and_stops_nothing(pairs, patients):
    few = pairs.index >= 200 - patients
    pairs = pairs.assign(site=pairs["site"].mask(few, ""), label=pairs["label"].mask(few, 0))
    scores = scores_at_sites(pairs)
    assert list(scores.index) == ["", "north", "south"]
    assert (scores.loc["", "n"], scores.loc["", "accuracy"]) == (patients, 1.0)
    assert scores.loc["", ["auroc", "auroc_low", "auroc_high"]].isna().all()
    assert scores.loc[["north", "south"], "auroc_low"].notna().all()

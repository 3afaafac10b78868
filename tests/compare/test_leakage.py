import numpy as np
import pandas as pd
import pytest

from lungfuse.compare import leakage
from lungfuse.settings import ComparisonSettings, LeakageSettings
from lungfuse.tables import Leakage, Pairs, Views, columns, read_table, write_table

LATERAL, SAME_TEXT = "lateral views of the same patient in training", "the same text on both sides"


@pytest.fixture
def audit(tmp_path):
    """Audit texts that tell nothing of the label but who is meant: each text is that of four reports of one label."""
    rng = np.random.default_rng(0)
    label = np.repeat(rng.integers(0, 2, 30), 4)
    texts = [f"seen before as case{number // 4}" for number in range(120)]
    pairs = pd.DataFrame({"label": label, "findings": texts, "text": texts, "group": np.arange(120) // 4})
    pairs["pair_id"] = pairs["image_id"] = [f"R{number}_frontal" for number in range(120)]
    pairs["report_id"] = [f"R{number}" for number in range(120)]
    pairs = pairs.assign(fold=0, site="", comparison="", indication="", impression="")
    views = pairs[["report_id"]].assign(image_id=pairs["report_id"] + "_lateral", view="Lateral")
    frontal = pairs[["report_id", "image_id"]].assign(view="Frontal")
    write_table(pairs[columns(Pairs)], tmp_path / "pairs.csv", Pairs)
    write_table(pd.concat([frontal, views])[columns(Views)], tmp_path / "views.csv", Views)
    leakage.main(
        leakage=LeakageSettings(sections=["findings"], draws=3, epochs=4),
        comparison=ComparisonSettings(confidence=0.95, resamples=200, timings=False, published=[]),
        folds=4, seed=0, pairs=tmp_path / "pairs.csv", views=tmp_path / "views.csv",
        leakage_table=tmp_path / "leakage.csv",
    )  # fmt: skip
    return read_table(tmp_path / "leakage.csv", Leakage).set_index("flaw")


def test_without_a_flaw_texts_that_tell_nothing_are_at_chance(audit):
    assert (audit["n"] == 120).all(), "lateral views are learned from, not scored"
    assert 0.3 < audit.loc["none", "accuracy"] < 0.7
    assert audit.loc["none", "added"] == 0


def test_what_stands_on_both_sides_is_remembered(audit):
    assert audit.loc[SAME_TEXT, "added_low"] > 0.1
    assert audit.loc[LATERAL, "accuracy"] > audit.loc[SAME_TEXT, "accuracy"]


def test_the_best_epoch_by_the_test_part_is_never_worse_than_the_last(audit):
    assert audit.loc["epoch chosen on the test part", "added"] >= 0
    assert audit["added"].idxmax() in (LATERAL, "all of these")

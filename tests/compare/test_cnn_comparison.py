import json

import numpy as np
import pandas as pd
import pytest
from small_study import run_stage

from lungfuse.settings.cnns import CNNSettings
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.tables.base import write_table
from lungfuse.tables.training import EpochPredictions

CNNS = CNNSettings(
    networks=["densenet121"], variants=["raw", "segmented:unet-shenzhen", "mask-only"], weights="imagenet",
    folds=None, epochs=2, batch_size=8, learning_rate=1e-3, precision="fp32",
    published=[{"network": "densenet121", "raw": [0.5, 0.25], "segmented": [0.75, 0.5]}],
)  # fmt: skip


@pytest.fixture(params=[None, 2], ids=["all folds", "two folds"])
def table(small, tmp_path, request) -> pd.DataFrame:
    """A comparison in which segmented images are always right after the last epoch, and the others half of the time."""
    cnns = CNNS.model_copy(update={"folds": request.param})
    files = []
    for variant in CNNS.variants:
        pairs = small.pairs[cnns.tests(small.pairs["fold"])]
        sure = np.where(variant.startswith("segmented"), pairs["label"], np.arange(len(pairs)) // 2 % 2)
        epochs = [pairs.assign(epoch=0, score=0.1), pairs.assign(epoch=1, score=sure)]
        files.append(tmp_path / f"{variant}.csv")
        write_table(pd.concat(epochs).sample(frac=1, random_state=0), files[-1], EpochPredictions)
    source = tmp_path / "config.json"
    source.write_text(json.dumps({"network": "densenet121", "weights": "random"}))
    comparison = ComparisonSettings(confidence=0.95, resamples=500, timings=False, published=[])
    run_stage("cnn-comparison",
        task="binary", labels=["normal", "lung"],
        cnns=cnns, comparison=comparison, seed=0, pairs=small.files["pairs"], predictions=files, sources=[source],
        cnn_table=tmp_path / "cnn_comparison.csv",
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "cnn_comparison.csv", dtype={"published_accuracies": str}).set_index("images")
    assert (table["n"] == {None: 60, 2: 40}[request.param]).all()
    return table


def test_variants_are_scored_out_of_fold_on_the_same_pairs(table):
    assert list(table.index) == CNNS.variants
    assert table["accuracy"]["segmented:unet-shenzhen"] == 1
    assert abs(table["accuracy"]["raw"] - 0.5) < 0.1
    assert table["epoch_accuracies"]["segmented:unet-shenzhen"] == "0.5000 1.0000"


def test_each_variant_is_tested_against_raw_images(table):
    assert np.isnan(table["p_vs_raw"]["raw"])
    assert table["p_vs_raw"]["segmented:unet-shenzhen"] < 0.01
    assert table["p_vs_raw"]["mask-only"] == 1


def test_published_figures_and_the_origin_of_the_weights_stand_beside(table):
    assert table["published_accuracies"]["raw"] == "0.5000 0.2500"
    assert table["published_accuracies"]["segmented:unet-shenzhen"] == "0.7500 0.5000"
    assert pd.isna(table["published_accuracies"]["mask-only"])
    assert set(table["weights"]) == {"random"}, "what was found, not what was asked for"

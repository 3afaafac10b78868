"""The networks of keras.applications at a small size."""

import json
import subprocess
import sys
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from small_study import command_line

from lungfuse.settings import CNNSettings, NetworkName

CNNS = CNNSettings(
    networks=[], arms=[], weights="random", epochs=1, batch=16, learning_rate=1e-3, precision="fp32", published={}
)  # fmt: skip


def lungfuse(stage, **arguments):
    subprocess.run([sys.executable, "-m", "lungfuse", stage, *command_line(arguments)], check=True, timeout=600)


@pytest.mark.parametrize("network", get_args(NetworkName))
def test_each_network_trains_and_scores_its_test_fold_after_each_epoch(small, tmp_path, network):
    start, source = tmp_path / "start.weights.h5", tmp_path / "config.json"
    lungfuse("cnn-weights", network=network, cnn_weights="random", seed=0, weights=start, source=source)
    outputs = {"history": "history.csv", "fold_predictions": "epochs.csv", "settings": "settings.json"}
    lungfuse(
        "cnn", network=network, arm="raw", fold=0, cnns=CNNS, seed=0, start=start, **small.files,
        **{key: tmp_path / name for key, name in outputs.items()},
    )  # fmt: skip
    scores = pd.read_csv(tmp_path / "epochs.csv")
    tested = small.pairs[small.pairs["fold"] == 0]
    assert list(scores["pair_id"]) == list(tested["pair_id"]) and set(scores["epoch"]) == {0}
    assert scores["score"].between(0, 1).all() and scores["score"].nunique() > 1
    assert np.isfinite(pd.read_csv(tmp_path / "history.csv")["train_loss"]).all()
    assert json.loads(source.read_text())["weights"] == "random"

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
from lungfuse.tables import Pairs, write_table

CNNS = CNNSettings(
    networks=[], arms=[], weights="random", folds=None, epochs=1, batch=16, learning_rate=1e-6, precision="fp32",
    published=[],
)  # fmt: skip


EAGER = """
import tensorflow
from lungfuse.command_line import main
tensorflow.config.run_functions_eagerly(True)  # to trace a large network takes minutes
main()
"""


def lungfuse(stage, **arguments):
    command = [sys.executable, "-c", EAGER, stage, *command_line(arguments)]
    subprocess.run(command, check=True, timeout=600)


@pytest.mark.parametrize("network", get_args(NetworkName))
def test_each_network_trains_and_scores_each_tested_fold_after_each_epoch(small, tmp_path, network):
    tested = [0, 1] if network == "vgg19" else [0]
    start, source = tmp_path / "start.weights.h5", tmp_path / "config.json"
    lungfuse("cnn-weights", network=network, cnn_weights="random", seed=0, weights=start, source=source)
    pairs = small.pairs.head(24).assign(fold=lambda table: table["fold"] % 2)
    write_table(pairs, tmp_path / "pairs.csv", Pairs)
    files = small.files | {"pairs": tmp_path / "pairs.csv"}
    outputs = {"history": "history.csv", "epoch_predictions": "epochs.csv", "settings": "settings.json"}
    cnns = CNNS.model_copy(update={"folds": len(tested)})
    lungfuse(
        "cnn", network=network, arm="raw", cnns=cnns, seed=0, start=start, **files,
        **{key: tmp_path / name for key, name in outputs.items()},
    )  # fmt: skip
    scores = pd.read_csv(tmp_path / "epochs.csv")
    assert sorted(scores["pair_id"]) == sorted(pairs["pair_id"][pairs["fold"].isin(tested)])
    assert set(scores["epoch"]) == {0}
    assert scores["score"].between(0, 1).all() and scores["score"].nunique() > 1
    history = pd.read_csv(tmp_path / "history.csv")
    assert list(history["fold"]) == tested and np.isfinite(history["train_loss"]).all()
    assert json.loads(source.read_text())["weights"] == "random"

"""The networks of keras.applications at a small size."""

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from small_study import command_line, small_study

from lungfuse.settings.cnns import CNNSettings, NetworkName
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import Pairs

CNNS = CNNSettings(
    networks=[], variants=[], weights="random", folds=1, epochs=1, batch_size=16, learning_rate=1e-6, precision="fp32",
    published=[],
)  # fmt: skip
TESTED = {"vgg19": [0, 1]}  # the folds that a network is tested on, where it is more than the first
ALL_IN_ONE_PROCESS = """
import json
import sys
import tensorflow
from lungfuse.command_line import main
from lungfuse.train.keras_engine import prepare
prepare(seed=0, threads=1)  # before anything is computed, as each stage would in a process of its own
tensorflow.config.run_functions_eagerly(True)  # to trace a large network takes minutes
for arguments in json.load(sys.stdin):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory, encoder_root) -> Path:
    """A folder with a folder for each network, trained on 24 pairs in two folds."""
    folder = tmp_path_factory.mktemp("networks")
    small = small_study(folder, encoder_root)
    pairs = small.pairs.head(24).assign(fold=lambda table: table["fold"] % 2)
    write_table(pairs, small.files["pairs"], Pairs)
    outputs = {"history": "history.csv", "epoch_predictions": "epochs.csv", "settings": "settings.json"}
    stages = []
    for network in get_args(NetworkName):
        made = folder / network
        start = {"weights": made / "start.weights.h5", "source": made / "config.json"}
        cnns = CNNS.model_copy(update={"folds": len(TESTED.get(network, [0]))})
        training = {"variant": "raw", "cnns": cnns, "start": start["weights"]}
        training |= {name: small.files[name] for name in ["pairs", "array", "index"]}
        training |= {key: made / name for key, name in outputs.items()}
        for stage, arguments in {"cnn-weights": {"cnn_weights": "random"} | start, "cnn": training}.items():
            stages.append([stage, *command_line({"network": network, "seed": 0} | arguments)])
    command = [sys.executable, "-c", ALL_IN_ONE_PROCESS]
    subprocess.run(command, input=json.dumps(stages), text=True, check=True, timeout=600)
    return folder


@pytest.mark.parametrize("network", get_args(NetworkName))
def test_each_network_trains_and_scores_each_tested_fold_after_each_epoch(trained, network):
    pairs = pd.read_csv(trained / "pairs.csv")
    scores = pd.read_csv(trained / network / "epochs.csv")
    tested = TESTED.get(network, [0])
    assert sorted(scores["pair_id"]) == sorted(pairs["pair_id"][pairs["fold"].isin(tested)])
    assert set(scores["epoch"]) == {0}
    assert scores["score"].between(0, 1).all() and scores["score"].nunique() > 1
    history = pd.read_csv(trained / network / "history.csv")
    assert list(history["fold"]) == tested and np.isfinite(history["train_loss"]).all()
    assert json.loads((trained / network / "config.json").read_text())["weights"] == "random"

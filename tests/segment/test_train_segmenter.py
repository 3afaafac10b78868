import json
import signal
import subprocess
import time

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import truncate

from lungfuse.errors import UserError
from lungfuse.segment.train_segmenter import Checkpoints, has_stopped, rows_of


def weights(folder):
    return keras.models.load_model(folder / "model.keras", compile=False).get_weights()


def test_it_learns_and_leaves_its_record_and_no_checkpoints(segmenter):
    assert sorted(path.name for path in segmenter.iterdir()) == ["history.csv", "model.keras", "settings.json"]
    history = pd.read_csv(segmenter / "history.csv")
    assert list(history["epoch"]) == list(range(len(history)))
    assert history["validation_dice"].max() > 0.9 > history["validation_dice"][0]
    settings = json.loads((segmenter / "settings.json").read_text())
    assert settings["image_size"] == 64 and settings["unet"]["width"] == 8


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(annotated_set, segmenter, tmp_path):
    """SIGKILL after the sixth epoch, then the same command again; the plateau is reached before and after."""
    command = annotated_set.command(tmp_path / "broken")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while not (tmp_path / "broken/epoch0005.weights.h5").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "broken/model.keras").exists()
    resumed = subprocess.run(command, check=True, timeout=600, capture_output=True, text=True)
    assert "Epoch 1/12" not in resumed.stdout, "it began anew"
    for unbroken, broken in zip(weights(segmenter), weights(tmp_path / "broken"), strict=True):
        np.testing.assert_array_equal(unbroken, broken)
    columns = ["epoch", "train_loss", "validation_loss", "learning_rate"]
    first, second = (pd.read_csv(run / "history.csv")[columns] for run in [segmenter, tmp_path / "broken"])
    pd.testing.assert_frame_equal(first, second)
    assert first["learning_rate"][5] < 0.01 and first["learning_rate"][11] < first["learning_rate"][6]


def test_damaged_weights_are_reported_and_the_training_starts_anew(tmp_path, capsys):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    checkpoints = Checkpoints(tmp_path, "this training")
    checkpoints.set_model(model)
    for epoch in range(2):
        checkpoints.on_epoch_begin(epoch)
        checkpoints.on_epoch_end(epoch, {"val_loss": 1 / (epoch + 1)})
    assert len(Checkpoints(tmp_path, "this training").restore(model)) == 2
    truncate(tmp_path / "epoch0001.weights.h5", keep=0.9)
    assert Checkpoints(tmp_path, "this training").restore(model) == []
    assert "epoch0001.weights.h5: is damaged, so the training starts anew" in capsys.readouterr().err


def test_a_training_that_had_stopped_is_over():
    records = [{"val_loss": loss} for loss in [3, 1, 2, 2]]
    assert has_stopped(records, patience=2) and not has_stopped(records, patience=3)
    assert not has_stopped([], patience=1)


def test_an_unknown_site_is_named(annotated_set):
    with pytest.raises(UserError, match=r"no train image from Lourdes; found Montgomery, Shenzhen"):
        rows_of(annotated_set.index, ["Lourdes"], "train", annotated_set.files["annotated_index"])


def test_a_segmenter_learns_from_its_sites_alone(annotated_set):
    rows = rows_of(annotated_set.index, ["Shenzhen"], "train", annotated_set.files["annotated_index"])
    chosen = annotated_set.index.set_index("row").loc[rows]
    assert set(chosen["site"]) == {"Shenzhen"} and set(chosen["part"]) == {"train"} and len(chosen) == 16

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from lungfuse.encoders.network import load_encoder
from lungfuse.errors import UserError
from lungfuse.settings import Row, to_json
from lungfuse.tables import ImageIndex, write_table
from lungfuse.train.classifier import augment, set_trainable
from lungfuse.train.data import Batches, image_rows, pad, tokenize
from lungfuse.train.engine import encode, predict
from lungfuse.train.train import build_classifier, build_dataset, main, split_positions


def outputs(folder: Path) -> dict[str, Path]:
    names = {"weights": "model.safetensors", "history": "history.csv", "fold_predictions": "predictions.csv"}
    return {key: folder / name for key, name in names.items()} | {"settings": folder / "settings.json"}


def train(small, folder: Path, row: Row | None = None, **changes) -> pd.DataFrame:
    main(
        row=row or small.row, fold=0, encoders=small.encoders, fusion=small.fusion,
        train=small.train.model_copy(update=changes), seed=0, encoder_root=small.encoder_root,
        **small.files, **outputs(folder),
    )  # fmt: skip
    return pd.read_csv(folder / "predictions.csv")


@pytest.mark.parametrize(
    "row",
    [
        Row(model="image", images="raw"),
        Row(model="text", text="findings"),
        Row(model="irene", images="raw", text="findings"),
    ],
)
def test_a_model_learns_what_its_inputs_tell(small, tmp_path, row):
    predictions = train(small, tmp_path, row, epochs=12)
    test = predictions[predictions["part"] == "test"]
    assert set(test["pair_id"]) == set(small.frame["pair_id"][small.frame["fold"] == 0])
    assert ((test["score"] >= 0.5) == test["label"]).mean() > 0.9


def test_half_precision_trains_too(small, tmp_path):
    assert train(small, tmp_path, precision="bf16")["score"].between(0, 1).all()


def test_a_training_leaves_its_record_and_no_checkpoints(small, tmp_path):
    train(small, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "history.csv", "images.npy", "index.csv", "model.safetensors", "pairs.csv", "predictions.csv", "settings.json",
    ]  # fmt: skip
    history = pd.read_csv(tmp_path / "history.csv")
    assert list(history["epoch"]) == [0, 1, 2]
    assert {"train_loss", "validation_loss", "validation_accuracy", "validation_auroc", "seconds"} <= set(history)
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings["row"]["model"] == "early"
    assert settings["seconds_per_epoch"] > 0
    assert settings["peak_memory_mb"] > 100


def test_the_same_seed_gives_the_same_weights(small, tmp_path):
    for folder in ["a", "b"]:
        train(small, tmp_path / folder)
    first, second = ((tmp_path / folder / "model.safetensors").read_bytes() for folder in ["a", "b"])
    assert first == second


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(small, tmp_path):
    """SIGKILL in the middle of an epoch, then the same command again."""
    epochs = {"epochs": 8, "patience": 20}
    train(small, tmp_path / "unbroken", **epochs)
    files = [part for key, path in (small.files | outputs(tmp_path / "broken")).items() for part in (option(key), path)]
    command = [
        sys.executable, "-m", "lungfuse", "train", "--row", to_json(small.row), "--fold", "0", "--seed", "0",
        "--encoders", to_json(small.encoders), "--fusion", to_json(small.fusion),
        "--train", to_json(small.train.model_copy(update=epochs)), "--encoder-root", small.encoder_root, *files,
    ]  # fmt: skip
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        for line in process.stdout:
            if line.startswith("epoch 2"):
                time.sleep(0.05)
                process.send_signal(signal.SIGKILL)
                break
    assert process.wait() == -signal.SIGKILL
    assert (tmp_path / "broken/last.ckpt").exists()
    assert not (tmp_path / "broken/model.safetensors").exists()
    resumed = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    assert "epoch 0," not in resumed.stdout, "it began anew"
    assert (tmp_path / "broken/model.safetensors").read_bytes() == (
        tmp_path / "unbroken/model.safetensors"
    ).read_bytes()
    assert (tmp_path / "broken/predictions.csv").read_text() == (tmp_path / "unbroken/predictions.csv").read_text()
    assert list(pd.read_csv(tmp_path / "broken/history.csv")["epoch"]) == list(range(8))


def test_a_killed_training_of_other_settings_is_not_gone_on_with(small, tmp_path, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr("lungfuse.train.train.forget", lambda folder: None)
        train(small, tmp_path / "a", learning_rate=0.5)
    assert (tmp_path / "a/last.ckpt").exists()
    train(small, tmp_path / "a")
    train(small, tmp_path / "b")
    first, second = ((tmp_path / folder / "model.safetensors").read_bytes() for folder in ["a", "b"])
    assert first == second
    assert not list((tmp_path / "a").glob("*.ckpt"))


def option(name: str) -> str:
    return "--" + name.replace("_", "-")


def test_a_fused_model_can_start_from_unimodal_encoders_and_leave_them(small, tmp_path):
    train(small, tmp_path / "text", Row(model="text", text="findings"))
    main(
        row=small.row, fold=0, encoders=small.encoders, fusion=small.fusion,
        train=small.train.model_copy(update={"layers": "frozen"}), seed=0, encoder_root=small.encoder_root,
        starts=[tmp_path / "text/model.safetensors"], **small.files, **outputs(tmp_path / "fused"),
    )  # fmt: skip
    unimodal, fused = (load_file(tmp_path / name / "model.safetensors") for name in ["text", "fused"])
    key = "encoders.text.network.embeddings.word_embeddings.weight"
    assert torch.equal(unimodal[key], fused[key])


def test_tokens_of_frozen_encoders_are_made_once_and_give_the_same_scores(small):
    dataset = build_dataset(small.row, small.frame, small.encoders, small.encoder_root, small.files["array"],
                            small.files["index"], seed=0)  # fmt: skip
    classifier = build_classifier(
        small.row, small.encoders, small.fusion, small.train, small.encoder_root, dataset.labels, 0
    )
    tokens = encode(classifier, dataset)
    assert tokens.tokens["image"].shape == (60, 65, 64)
    np.testing.assert_allclose(
        predict(classifier, tokens, np.arange(60)), predict(classifier, dataset, np.arange(60)), rtol=1e-4
    )


def score(small, seed_of_images: int | None = None) -> np.ndarray:
    """Scores of an untrained classifier; the image array and its index may be permuted."""
    if seed_of_images is not None:
        order = np.random.default_rng(seed_of_images).permutation(60)
        np.save(small.files["array"], small.images[order])
        index = small.index.assign(row=np.argsort(order)).sample(frac=1, random_state=seed_of_images)
        write_table(index, small.files["index"], ImageIndex)
    dataset = build_dataset(small.row, small.frame, small.encoders, small.encoder_root, small.files["array"],
                            small.files["index"], seed=0)  # fmt: skip
    torch.manual_seed(0)
    classifier = build_classifier(
        small.row, small.encoders, small.fusion, small.train, small.encoder_root, dataset.labels, 0
    )
    return predict(classifier, dataset, np.arange(60))


def test_images_are_joined_by_id_not_by_position(small):
    plain = score(small)
    np.testing.assert_allclose(score(small, seed_of_images=1), plain, rtol=1e-6)


def test_a_pair_without_image_is_told(small):
    with pytest.raises(UserError, match="1 pairs have no image in the array, P07 first"):
        image_rows(small.frame, small.index[small.index["image_id"] != "P07"])


def test_an_ablation_permutes_one_modality_and_leaves_the_other(small):
    def inputs(ablation):
        row = Row(model="early", images="raw", text="findings", ablation=ablation)
        return build_dataset(row, small.frame, small.encoders, small.encoder_root, small.files["array"],
                             small.files["index"], seed=0)  # fmt: skip

    plain, image, text = inputs(""), inputs("shuffled-image"), inputs("shuffled-text")
    assert (image.image_rows != plain.image_rows).mean() > 0.9
    assert sorted(image.image_rows) == sorted(plain.image_rows)
    assert image.texts == plain.texts
    assert text.texts != plain.texts
    assert (text.image_rows == plain.image_rows).all()


def test_learning_validation_and_test_share_no_group(small):
    frame = small.frame.assign(group=np.arange(60) // 2, fold=np.arange(60) // 2 % 3)
    parts = split_positions(frame, fold=1, validation=0.25, seed=0)
    assert sorted(np.concatenate(parts)) == list(range(60))
    groups = [set(frame["group"].iloc[part]) for part in parts]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    assert set(frame["fold"].iloc[parts[2]]) == {1}


def test_batches_depend_on_seed_and_epoch_and_keep_like_lengths_together():
    lengths = np.random.default_rng(0).integers(5, 90, 256)
    batches = Batches(np.arange(256), lengths, 16, seed=0)
    first = list(batches)
    assert first == list(batches)
    assert sorted(np.concatenate(first)) == list(range(256))
    batches.set_epoch(1)
    assert first != list(batches)
    assert np.mean([np.ptp(lengths[batch]) for batch in first]) < 30


def test_texts_are_padded_with_a_mask_and_cut(encoder_root):
    texts = tokenize(pd.Series(["Lungs are clear.", "", "word " * 99]), encoder_root / "bert-tiny/tokenizer.json", 20)
    ids, mask = pad(texts)
    assert ids.shape == (3, 20)
    assert mask.sum(1).tolist() == [6, 2, 20]
    assert (ids[~mask] == 0).all()


def test_augmentation_keeps_left_and_right():
    torch.manual_seed(0)
    pixels = torch.zeros(8, 32, 32, dtype=torch.uint8)
    pixels[:, :, 20:] = 200
    changed = augment(pixels)
    assert changed.shape == pixels.shape
    assert 0 <= changed.min() <= changed.max() <= 255
    assert (changed[:, 12:20, 24:].mean((1, 2)) > changed[:, 12:20, :8].mean((1, 2)) + 50).all()


@pytest.mark.parametrize(("layers", "learn"), [("frozen", 0), ("top:1", 1), ("full", 4)])
def test_the_named_layers_learn(encoder_root, layers, learn):
    encoder = load_encoder("vit-tiny", encoder_root / "vit-tiny")
    set_trainable(encoder, layers)
    network = encoder.network
    blocks = [network.embeddings, *network.layers, network.layernorm]
    assert sum(any(parameter.requires_grad for parameter in block.parameters()) for block in blocks) == learn

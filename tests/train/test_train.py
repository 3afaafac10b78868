import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import truncate
from safetensors.torch import load_file
from small_study import AUGMENT, EARLY, LABELS, NO_AUGMENT, SETTINGS, TRAIN, command_line, small_study

from lungfuse.encoders import encoder_spec
from lungfuse.encoders.network import ImageEncoder, load_encoder
from lungfuse.encoders.networks import efficientnet_lite
from lungfuse.encoders.tokens import tokenize
from lungfuse.errors import UserError
from lungfuse.modalities.data_files import DataFiles
from lungfuse.modalities.image.inputs import ImageSource, change
from lungfuse.modalities.image.variants import image_rows
from lungfuse.modalities.text.inputs import drop_words, pad
from lungfuse.models.blocks import Tokens, Unimodal
from lungfuse.settings.rows import Row
from lungfuse.tasks import load_task
from lungfuse.train.classifier import Classifier, modality_dropout, set_trainable
from lungfuse.train.data import Batches, PairDataset, sources_of
from lungfuse.train.engine import fit, predict
from lungfuse.train.train import build, load_encoders

BINARY = load_task("binary", ["normal", "lung"])
EVERYTHING = {"images": "raw", "text": "findings", "structured": ["age", "sex"]}


@pytest.mark.parametrize(
    "row",
    [
        Row(model="image", images="raw"),
        Row(model="text", text="findings"),
        Row(model="irene", images="raw", text="findings"),
    ],
)
def test_a_model_learns_what_its_inputs_tell(small, tmp_path, row):
    predictions = small.train(tmp_path, row, epochs=12)
    test = predictions[predictions["part"] == "test"]
    assert set(test["pair_id"]) == set(small.pairs["pair_id"][small.pairs["fold"] == 0])
    assert ((test["score"] >= 0.5) == test["label"]).mean() > 0.9


def test_half_precision_trains_too(small, tmp_path):
    assert small.train(tmp_path, precision="bf16")["score"].between(0, 1).all()


def test_a_row_is_validated_on_the_pairs_of_the_table_and_its_score_calibrated_on_them(small, tmp_path):
    scores = small.train(tmp_path).query("part == 'validation'")
    validation = pd.read_csv(small.files["validation"]).query("fold == 0")
    assert set(scores["pair_id"]) == set(validation["pair_id"])
    kept = json.loads((tmp_path / "settings.json").read_text())["calibration"]
    found = BINARY.calibrate(BINARY.of("score", scores), BINARY.targets(scores))
    assert (kept["slope"], kept["intercept"]) == (found.slope, found.intercept)


def test_a_repeat_is_another_training_of_the_same_fold(small, tmp_path):
    first, second = (small.train(tmp_path / str(repeat), files={"repeat": repeat}, epochs=1) for repeat in [0, 1])
    assert (first["pair_id"] == second["pair_id"]).all()
    assert set(first["repeat"]) == {0} and set(second["repeat"]) == {1}
    assert (first["score"] != second["score"]).all()


def test_a_training_leaves_its_record_and_no_checkpoints(small, tmp_path):
    small.train(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "columns.csv", "history.csv", "images.npy", "index.csv", "model.safetensors", "pairs.csv", "predictions.csv",
        "settings.json", "structured.csv", "validation.csv",
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
        small.train(tmp_path / folder)
    first, second = ((tmp_path / folder / "model.safetensors").read_bytes() for folder in ["a", "b"])
    assert first == second


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(small, tmp_path):
    """SIGKILL in the middle of an epoch, then the same command again."""
    epochs = {"epochs": 8, "patience": 20}
    small.train(tmp_path / "unbroken", **epochs)
    arguments = small.arguments(tmp_path / "broken", **epochs)
    command = [sys.executable, "-m", "lungfuse", "train", *command_line(arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        for line in process.stdout:
            if line.startswith("epoch 2"):
                time.sleep(0.05)
                process.send_signal(signal.SIGKILL)
                break
    assert process.wait() == -signal.SIGKILL
    assert (tmp_path / "broken/last.ckpt").exists()
    assert not (tmp_path / "broken/model.safetensors").exists()
    resumed = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    assert "epoch 0," not in resumed.stdout, "it began anew"
    assert (tmp_path / "broken/model.safetensors").read_bytes() == (
        tmp_path / "unbroken/model.safetensors"
    ).read_bytes()
    assert (tmp_path / "broken/predictions.csv").read_text() == (tmp_path / "unbroken/predictions.csv").read_text()
    assert list(pd.read_csv(tmp_path / "broken/history.csv")["epoch"]) == list(range(8))


def test_a_killed_training_of_other_settings_is_not_gone_on_with(small, tmp_path, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr("lungfuse.train.train.remove_checkpoints", lambda folder: None)
        small.train(tmp_path / "a", learning_rate=0.5)
    assert (tmp_path / "a/last.ckpt").exists()
    small.train(tmp_path / "a")
    small.train(tmp_path / "b")
    first, second = ((tmp_path / folder / "model.safetensors").read_bytes() for folder in ["a", "b"])
    assert first == second
    assert not list((tmp_path / "a").glob("*.ckpt"))


@pytest.mark.parametrize("fault", ["other code", "cut last.ckpt", "cut best.ckpt"])
def test_a_killed_training_that_cannot_be_gone_on_with_starts_anew(small, tmp_path, monkeypatch, capsys, fault):
    with monkeypatch.context() as killed:
        killed.setattr("lungfuse.train.train.remove_checkpoints", lambda folder: None)
        small.train(tmp_path / "a")
    first = (tmp_path / "a/model.safetensors").read_bytes()
    if fault == "other code":
        monkeypatch.setattr("lungfuse.train.train.digest", lambda *modules: "other")
    else:
        truncate(tmp_path / "a" / fault.removeprefix("cut "))
    capsys.readouterr()
    small.train(tmp_path / "a")
    said = capsys.readouterr()
    assert "epoch 0," in said.out
    assert ("is damaged, so the training starts anew" in said.err) is (fault != "other code")
    assert (tmp_path / "a/model.safetensors").read_bytes() == first
    assert not list((tmp_path / "a").glob("*.ckpt"))


def test_a_full_disk_in_training_is_told_with_the_file(small, tmp_path):
    """A limit of 64 KiB on the size of files stands for a disk without room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        with pytest.raises(UserError, match=r"a/best\.ckpt: cannot be written \(File too large\)"):
            small.train(tmp_path / "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["training.json"]


def test_a_fused_model_can_start_from_unimodal_encoders(small, tmp_path):
    small.train(tmp_path / "text", Row(model="text", text="findings"))
    encoders = load_encoders(EARLY, SETTINGS["encoders"], small.encoder_root, [tmp_path / "text/model.safetensors"])
    trained = load_file(tmp_path / "text/model.safetensors")
    key = "embeddings.word_embeddings.weight"
    assert torch.equal(encoders["text"].network.state_dict()[key], trained[f"encoders.text.network.{key}"])
    untrained = load_file(small.encoder_root / "bert-tiny/model.safetensors")[key]
    assert not torch.equal(encoders["text"].network.state_dict()[key], untrained)


def test_frozen_encoders_train_on_their_features_alone(small, tmp_path):
    features = {"features": {"image": small.features("vit-tiny"), "text": small.features("bert-tiny")}}
    no_encoders = {"array": None, "index": None, "encoder_root": tmp_path / "none"}
    predictions = small.train(tmp_path / "early", files=features | no_encoders, layers="frozen", epochs=40, patience=40)
    test = predictions[predictions["part"] == "test"]
    assert ((test["score"] >= 0.5) == test["label"]).mean() > 0.9
    assert not any(key.startswith("encoders.") for key in load_file(tmp_path / "early/model.safetensors"))


def sources(small, ablation: str = "", features=None, **inputs):
    row = Row(model="early", **inputs or {"images": "raw", "text": "findings"}, ablation=ablation)
    files = {name: small.files[name] for name in ["array", "index", "structured", "columns"]}
    data_files = DataFiles(small.pairs, SETTINGS["encoders"], small.encoder_root, **files)
    return sources_of(row, data_files, features or {}, np.arange(40), seed=0)


def score(small) -> np.ndarray:
    """Scores of an untrained classifier."""
    torch.manual_seed(0)
    encoders = load_encoders(EARLY, SETTINGS["encoders"], small.encoder_root, [])
    _, model = build(EARLY, {}, BINARY, SETTINGS["encoders"], SETTINGS["fusion"])
    classifier = Classifier(encoders, {}, model, BINARY, TRAIN, torch.ones(2), 0)
    return predict(classifier, PairDataset(BINARY.targets(small.pairs), sources(small)), np.arange(60))


def test_images_are_joined_by_id_not_by_position(small):
    plain = score(small)
    order = np.random.default_rng(1).permutation(60)
    index = small.index.assign(row=np.argsort(order)).sample(frac=1, random_state=1)
    permuted = replace(small, images=small.images[order], index=index)
    permuted.write()
    np.testing.assert_allclose(score(permuted), plain, rtol=1e-6)


def test_a_pair_without_image_is_told(small):
    with pytest.raises(UserError, match="1 pairs have no image in the array, P07 first"):
        image_rows(small.pairs, small.index[small.index["image_id"] != "P07"])


def test_an_ablation_permutes_one_modality_and_leaves_the_others(small):
    plain, image, text = (sources(small, ablation) for ablation in ["", "shuffled-image", "shuffled-text"])
    assert (image["image"].rows != plain["image"].rows).mean() > 0.9
    assert sorted(image["image"].rows) == sorted(plain["image"].rows)
    words = [[text.tolist() for text in found["text"].texts] for found in [plain, image, text]]
    assert words[1] == words[0] != words[2]
    assert (text["image"].rows == plain["image"].rows).all()


def test_an_ablation_permutes_the_features_of_one_modality(small):
    folders = {"image": small.features("vit-tiny"), "text": small.features("bert-tiny")}
    plain, image = (sources(small, ablation, folders) for ablation in ["", "shuffled-image"])
    assert (image["image"].starts != plain["image"].starts).mean() > 0.9
    assert (image["text"].starts == plain["text"].starts).all()
    batch = PairDataset(BINARY.targets(small.pairs), image)[[0, 1]]
    assert batch["image"]["tokens"].shape == (2, 65, 64)
    assert batch["text"]["mask"].sum(1).tolist() == plain["text"].counts[:2].tolist()


@pytest.mark.parametrize("modality", ["image", "text", "structured"])
def test_a_dropped_modality_is_absent_from_every_pair(small, modality):
    found = PairDataset(BINARY.targets(small.pairs), sources(small, f"dropped-{modality}", **EVERYTHING))
    tokenizers, _ = build(
        Row(model="early", **EVERYTHING), {"structured": found.sources["structured"].fitted}, BINARY,
        SETTINGS["encoders"], SETTINGS["fusion"],
    )  # fmt: skip
    batch = found[[0, 1, 2]]
    masks = {
        "image": batch["image"].get("present", torch.ones(3, dtype=torch.bool))[:, None],
        "text": batch["text"]["mask"],
        "structured": tokenizers["structured"].tokens(batch["structured"]).mask,
    }
    assert {name: bool(mask.any()) for name, mask in masks.items()} == {name: name != modality for name in masks}


def test_a_modality_is_left_out_by_chance_but_never_all_of_a_case():
    torch.manual_seed(0)
    mask = torch.ones(2000, 3, dtype=torch.bool)
    lacking = mask.clone()
    lacking[:500] = False
    inputs = {name: Tokens(torch.zeros(2000, 3, 4), lacking if name == "text" else mask) for name in ["image", "text"]}
    kept = {name: tokens.mask.any(1) for name, tokens in modality_dropout(inputs, 0.5).items()}
    assert (kept["image"] | kept["text"]).all()
    assert kept["image"][:500].all(), "a case keeps the last that it has"
    assert not kept["text"][:500].any()
    assert 0.55 < kept["image"][500:].float().mean() < 0.7, "half of them, and half of those that would lose both"


def test_structured_columns_are_scaled_by_the_pairs_to_learn_from_alone(small):
    age, sex = sources(small, images="raw", structured=["age", "sex"])["structured"].fitted
    learned = small.structured["age"].astype(float)[:40]
    assert (age["mean"], age["std"]) == (pytest.approx(learned.mean()), pytest.approx(learned.std(ddof=0)))
    assert sex["categories"] == ["F", "M"]


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_a_three_way_row_learns_other_tasks_where_some_inputs_and_labels_are_missing(tmp_path, encoder_root, task):
    study = small_study(tmp_path, encoder_root, task)
    learning = {"epochs": 12, "learning_rate": 1e-2, "modality_dropout": 0.1}
    predictions = study.train(tmp_path / "early", Row(model="early", **EVERYTHING), **learning)
    asked = load_task(task, LABELS[task])
    test = predictions[predictions["part"] == "test"]
    found = asked.correct(asked.targets(test), asked.decide(asked.of("score", test)))
    assert len(test) == 20
    assert np.nanmean(found) > 0.7
    assert np.isfinite(asked.of("score", predictions)).all()


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


def test_a_share_of_the_words_is_masked_but_no_padding_and_no_mark():
    torch.manual_seed(0)
    ids = torch.full((50, 40), 2000)
    ids[:, 0], ids[:, 30], ids[:, 31:] = 101, 102, 0
    masked = drop_words(ids, 0.1)
    assert 0.05 < (masked == 103).float().mean() * 40 / 29 < 0.15
    changed = masked != ids
    assert not changed[:, 0].any()
    assert not changed[:, 30:].any()


def test_the_mean_of_the_weights_is_what_is_kept(small, tmp_path):
    """With a slow mean the kept weights stay nearer to where they started."""
    start = load_file(small.encoder_root / "vit-tiny/model.safetensors")["embeddings.cls_token"]
    moved = {}
    for ema_decay in [0.0, 0.999]:
        small.train(tmp_path / str(ema_decay), ema_decay=ema_decay, epochs=4)
        kept = load_file(tmp_path / str(ema_decay) / "model.safetensors")["encoders.image.network.embeddings.cls_token"]
        moved[ema_decay] = (kept - start).norm()
    assert 0 < moved[0.999] < moved[0.0]


def test_augmentation_keeps_left_and_right():
    torch.manual_seed(0)
    pixels = torch.zeros(8, 32, 32, dtype=torch.uint8)
    pixels[:, :, 20:] = 200
    changed = change(pixels, AUGMENT.model_copy(update={"gamma": 0.3}))
    assert changed.shape == pixels.shape
    assert 0 <= changed.min() <= changed.max() <= 255
    assert (changed[:, 12:20, 24:].mean((1, 2)) > changed[:, 12:20, :8].mean((1, 2)) + 50).all()


def test_augmentation_by_nothing_changes_nothing():
    pixels = torch.randint(0, 256, (4, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(change(pixels, NO_AUGMENT), pixels.float(), atol=1e-2, rtol=0)


def test_batch_normalisation_stays_as_it_was_pretrained(tmp_path):
    encoder = ImageEncoder(encoder_spec("efficientnet-lite0"), efficientnet_lite.build({}), efficientnet_lite)
    model = Unimodal({"image": encoder.spec.width}, 2, 8, 0.1)
    module = Classifier({"image": encoder}, {}, model, BINARY, TRAIN, torch.ones(2), seed=0)
    assert module.model.training
    before = {name: buffer.clone() for name, buffer in encoder.network.named_buffers()}
    images = np.random.default_rng(0).integers(0, 256, (12, 64, 64), dtype=np.uint8)
    pairs = PairDataset(np.tile([0.0, 1.0], 6)[:, None], {"image": ImageSource(images, np.arange(12))})
    fit(module, pairs, np.arange(8), np.arange(8, 12), tmp_path, seed=0, fingerprint="")
    for name, buffer in encoder.network.named_buffers():
        torch.testing.assert_close(buffer, before[name], msg=name)


def test_colours_are_changed_together():
    torch.manual_seed(0)
    grey = torch.randint(0, 256, (4, 32, 32), dtype=torch.uint8)
    colours = grey[..., None].expand(-1, -1, -1, 3)
    torch.manual_seed(1)
    expected = change(grey, AUGMENT)
    torch.manual_seed(1)
    torch.testing.assert_close(change(colours, AUGMENT), expected[..., None].expand(-1, -1, -1, 3))


def test_augmentation_keeps_an_image_as_sharp_as_it_is():
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (4, 64, 64), dtype=torch.uint8)
    moved = change(pixels, NO_AUGMENT.model_copy(update={"rotation": 5.0, "shift": 0.05}))
    inner = (slice(None), slice(16, 48), slice(16, 48))
    assert moved[inner].std() > 0.8 * pixels[inner].float().std()


@pytest.mark.parametrize(("layers", "learn"), [("frozen", 0), ("top:1", 1), ("full", 4)])
def test_the_named_layers_learn(encoder_root, layers, learn):
    encoder = load_encoder("vit-tiny", encoder_root / "vit-tiny")
    set_trainable(encoder, layers)
    network = encoder.network
    blocks = [network.embeddings, *network.layers, network.layernorm]
    assert sum(any(parameter.requires_grad for parameter in block.parameters()) for block in blocks) == learn

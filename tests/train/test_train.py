"""Networks are trained fold by fold."""

import json
import resource
from contextlib import chdir

import numpy as np
import pandas as pd
import pytest
import torch
from model_configs import AUGMENT, LABELS, NO_AUGMENT, TRAIN
from safetensors.torch import load_file
from small_study import small_study
from trained_study import READS

from lungfuse.encoders import encoder_spec
from lungfuse.encoders.network import ImageEncoder, load_encoder
from lungfuse.encoders.networks import efficientnet_lite
from lungfuse.errors import UserError
from lungfuse.ingest.parts import fold_indices, read_split
from lungfuse.layers.blocks import Unimodal
from lungfuse.modalities.image.inputs import ImageSource, change
from lungfuse.tasks import load_task
from lungfuse.train.classifier import Classifier
from lungfuse.train.data import PairDataset
from lungfuse.train.engine import fit
from lungfuse.train.networks import starts_of
from lungfuse.train.starts import load_encoders
from lungfuse.tuning import tuning

BINARY = load_task("binary", ["normal", "lung"])


@pytest.mark.parametrize(("name", "layers", "epochs"), [("image", "full", 5), ("text", "top:2", 8)])
def test_an_encoder_learns_what_its_input_predicts(small, name, layers, epochs):
    train = {"layers": layers, "epochs": epochs}
    config = small.model(name, architecture=name, inputs={name: READS[name]}, train=train)
    test = small.train(config).query("part == 'test'")
    assert set(test["pair_id"]) == set(small.pairs["pair_id"][small.pairs["fold"] == 0])
    assert ((test["score"] >= 0.5) == test["label"]).mean() > 0.9


def test_a_fused_model_starts_from_the_encoders_of_unimodal_models(trained):
    study = trained()
    learned, fused = load_file(study.fold("text") / "model.safetensors"), study.config("of-trained")
    study.fold("image")
    with chdir(study.small.folder):
        encoders = load_encoders(fused.encoders, starts_of(fused, "0"), study.small.encoder_root)
    own = load_encoder("bert-tiny", study.small.encoder_root / "bert-tiny").state_dict()
    for name, value in encoders["text"].state_dict().items():
        assert torch.equal(value, learned[f"encoders.text.{name}"])
    assert not all(torch.equal(value, own[name]) for name, value in encoders["text"].state_dict().items())


@pytest.mark.parametrize(("task", "least"), [("multiclass", 0.7), ("multilabel", 0.7), ("ordinal", 0.6)])
def test_a_model_of_everything_learns_other_tasks_where_some_inputs_and_labels_are_missing(
    tmp_path, encoder_root, task, least
):
    study = small_study(tmp_path, encoder_root, task)
    learning = {"layers": "frozen", "epochs": 12, "learning_rate": 1e-2, "modality_dropout": 0.1}
    predictions = study.train(study.model("all", architecture="early", inputs=READS, train=learning))
    asked = load_task(task, LABELS[task])
    test = predictions[predictions["part"] == "test"]
    found = asked.correct(asked.targets(test), asked.decide(asked.of("score", test)))
    assert len(test) == 20
    assert np.nanmean(found) > least
    assert np.isfinite(asked.of("score", predictions)).all()


def test_frozen_encoders_train_on_their_features_alone(small):
    config = small.model("early", train={"layers": "frozen", "epochs": 1})
    for modality in config.encoders:
        small.features(config, modality)
    small.files["array"].unlink()
    assert small.train(config)["score"].nunique() > 10
    weights = load_file(small.fold(config) / "model.safetensors")
    assert not any(key.startswith("encoders.") for key in weights)


def test_half_precision_trains_too(small):
    config = small.model("image", architecture="image", images="raw", train={"precision": "bf16", "epochs": 1})
    assert small.train(config)["score"].between(0, 1).all()


def test_a_model_is_validated_on_the_pairs_of_the_table_and_its_score_calibrated_on_them(trained):
    study = trained()
    folder = study.fold("early")
    scores = pd.read_csv(folder / "predictions.csv").query("part == 'validation'")
    validation = pd.read_csv(study.small.files["validation"]).query("repeat == 0 and fold == 0")
    assert set(scores["pair_id"]) == set(validation["pair_id"])
    kept = json.loads((folder / "settings.json").read_text())["calibration"]
    assert kept == BINARY.calibrate(BINARY.of("score", scores), BINARY.targets(scores)).model_dump()


STRUCTURED = {"architecture": "structured", "structured": READS["structured"]}


def test_a_repeat_is_another_training_on_folds_of_its_own(small):
    config = small.model("structured", **STRUCTURED, train={"layers": "frozen", "epochs": 1})
    split = read_split(small.files)
    for repeat, run in enumerate(["0", "0_repeat1"]):
        scored, (pairs, validation) = small.train(config, run), split.of_repeat(repeat)
        assert set(scored["repeat"]) == {repeat}
        _, validated, tested = fold_indices(pairs, validation, 0)
        for part, positions in [("validation", validated), ("test", tested)]:
            assert scored["pair_id"][scored["part"] == part].tolist() == pairs["pair_id"].iloc[positions].tolist()
    assert not set(scored["pair_id"]) <= set(split.pairs.query("fold == 0")["pair_id"]), "the second has other folds"


def test_a_training_leaves_its_record_and_no_checkpoints(small):
    config = small.model("structured", **STRUCTURED)
    small.train(config)
    folder = small.fold(config)
    assert sorted(path.name for path in folder.iterdir()) == [
        "history.csv", "model.safetensors", "predictions.csv", "settings.json"
    ]  # fmt: skip
    history = pd.read_csv(folder / "history.csv")
    assert list(history["epoch"]) == [0, 1, 2]
    assert {"train_loss", "validation_loss", "validation_accuracy", "validation_auroc", "seconds"} <= set(history)
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["model"]["architecture"] == "structured"
    assert settings["seconds_per_epoch"] > 0
    assert settings["peak_memory_mb"] > 100


def test_the_same_seed_gives_the_same_weights(small):
    files, inputs = [], {name: READS[name] for name in ["image", "structured"]}
    for name in ["first", "second"]:
        config = small.model(name, architecture="kv-exchange", inputs=inputs, train={"epochs": 1})
        small.train(config)
        files.append((small.fold(config) / "model.safetensors").read_bytes())
    assert files[0] == files[1]


def test_a_full_disk_in_training_is_reported_with_the_file(small):
    """A limit of 64 KiB on the size of files stands for a disk without room."""
    config = small.model("image", architecture="image", images="raw")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        with pytest.raises(UserError, match=r"fold0/best\.ckpt: cannot be written \(File too large\)"):
            small.train(config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in small.fold(config).iterdir()] == ["training.json"]


def test_the_mean_of_the_weights_is_what_is_kept(small):
    """With a slow mean the kept weights stay nearer to where they started."""
    start = load_file(small.encoder_root / "vit-tiny/model.safetensors")["embeddings.cls_token"]
    moved = {}
    for ema_decay in [0.0, 0.999]:
        config = small.model("image", architecture="image", images="raw", train={"ema_decay": ema_decay, "epochs": 2})
        small.train(config)
        kept = load_file(small.fold(config) / "model.safetensors")["encoders.image.network.embeddings.cls_token"]
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
    module = Classifier(
        {"image": encoder}, {}, model, BINARY, TRAIN.model_copy(update={"epochs": 1}), torch.ones(2), seed=0
    )
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
    tuning(layers).set_up(encoder)
    network = encoder.network
    blocks = [network.embeddings, *network.layers, network.layernorm]
    assert sum(any(parameter.requires_grad for parameter in block.parameters()) for block in blocks) == learn

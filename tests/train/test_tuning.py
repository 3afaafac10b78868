"""A way to train an encoder is one file in `lungfuse.tuning`."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from trained_study import READS

from lungfuse.encoders import encoder_spec
from lungfuse.encoders.network import ImageEncoder, load_encoder
from lungfuse.encoders.networks import efficientnet_lite
from lungfuse.errors import UserError
from lungfuse.plan.load import load_studies
from lungfuse.predict.network import read_network
from lungfuse.predict.predictor import Predictor
from lungfuse.train.classifier import Classifier
from lungfuse.train.starts import load_encoders, load_start, with_starts
from lungfuse.tuning import tuning, tuning_names
from lungfuse.tuning.lora import adapted_layers, attention_blocks

LAYERS = {"vit-tiny": ["q_proj", "v_proj"], "bert-tiny": ["query", "value"]}


@pytest.mark.parametrize("name", LAYERS)
def test_every_query_and_value_of_a_transformer_is_adapted(encoder_root, name):
    """As ViT and BERT call them; nothing else learns."""
    encoder = load_encoder(name, encoder_root / name)
    before = encoder.state_dict()
    tuning("lora:4").set_up(encoder)
    adapted = adapted_layers(encoder)
    assert len(adapted) == 2 * attention_blocks(encoder.network) == 4
    assert sorted({each.rpartition(".")[2] for each in adapted}) == LAYERS[name]
    width = encoder.spec.width
    assert sum(each.numel() for each in encoder.parameters() if each.requires_grad) == 4 * 2 * 4 * width
    kept = {key.replace(".base_layer", ""): value for key, value in encoder.state_dict().items()}
    assert all(torch.equal(value, kept[key]) for key, value in before.items())


@pytest.mark.parametrize("broken", ["no attention", "one block"])
def test_a_network_that_is_not_adapted_whole_is_refused(encoder_root, broken):
    if broken == "no attention":
        module = encoder_spec("efficientnet-lite0"), efficientnet_lite
        encoder = ImageEncoder(module[0], efficientnet_lite.build(efficientnet_lite.random_shape(module[0])), module[1])
        problem = "found no attention in EfficientNetLite"
    else:
        encoder = load_encoder("vit-tiny", encoder_root / "vit-tiny")
        encoder.network.layers[0].attention.q_proj = torch.nn.Identity()
        problem = "found 3 layers called .* in 2 blocks in ViTModel"
    with pytest.raises(UserError, match=f"layers: lora:4: {problem}, expected a transformer"):
        tuning("lora:4").set_up(encoder)


def test_a_model_is_trained_so_and_another_starts_from_its_encoder(small):
    """And predicts what it did: the changed encoder is built again, and merged for the model that starts from it."""
    learning = {"layers": "lora:4", "epochs": 2, "encoder_learning_rate": 0.05}
    image = small.model("image", architecture="image", images="raw", train=learning)
    small.train(image)
    learned = load_file(small.fold(image) / "model.safetensors")
    of_encoder = {name: value for name, value in learned.items() if name.startswith("encoders.")}
    assert all(".lora_" in name for name in of_encoder) and len(of_encoder) == 8, "nothing else of it is kept"
    assert any(value.abs().max() > 0 for name, value in of_encoder.items() if ".lora_B." in name)
    parts = json.loads((small.fold(image) / "settings.json").read_text())["sha256"]["parts"]
    assert "encoder:vit-tiny/model.safetensors" in parts, "it predicts with it"

    weights = {"image": small.fold(image) / "model.safetensors"}
    merged = load_encoders(image.encoders, weights, small.encoder_root)["image"]
    assert merged.state_dict().keys() == load_encoder("vit-tiny", small.encoder_root / "vit-tiny").state_dict().keys()
    fused = small.model(
        "fused", architecture="early", inputs={name: READS[name] for name in ["image", "structured"]},
        sources={"image": "image_fold{run}"}, train={"layers": "frozen", "init_from": "unimodal", "epochs": 1},
    )  # fmt: skip
    small.train(fused)
    cases = pd.DataFrame({"id": small.pairs["pair_id"], "image": map(str, map(small.save_png, range(60)))})
    cases = cases.join(small.structured[["age", "sex"]])[small.pairs["fold"] == 0]
    for config in [image, fused]:
        found = pd.concat(Predictor(small.fold(config)).predict(cases)).set_index("id")["score"]
        known = pd.read_csv(small.fold(config) / "predictions.csv").set_index("pair_id")["score"]
        np.testing.assert_allclose(found, known[found.index], atol=1e-5)


def test_a_merged_encoder_gives_the_tokens_of_the_changed_one(encoder_root):
    torch.manual_seed(0)
    encoder, way = load_encoder("vit-tiny", encoder_root / "vit-tiny").eval(), tuning("lora:4")
    plain = encoder(torch.zeros(2, 64, 64, dtype=torch.uint8))
    way.set_up(encoder)
    for name, parameter in encoder.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(parameter)
    changed = encoder(torch.zeros(2, 64, 64, dtype=torch.uint8))
    assert not torch.allclose(changed, plain, atol=1e-3)
    way.merge(encoder)
    torch.testing.assert_close(encoder(torch.zeros(2, 64, 64, dtype=torch.uint8)), changed, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("at", ["start", "end"])
def test_a_killed_training_resumes_with_a_running_mean_of_the_weights(small, monkeypatch, at):
    """The same weights as one that was not killed, and the checkpoint holds what learns alone."""
    learning = {"layers": "lora:2", "epochs": 3, "encoder_learning_rate": 0.05, "ema_decay": 0.9, "weight_decay": 0.1}
    config = small.model("text", architecture="text", text="findings", train=learning)
    small.train(config)
    whole = load_file(small.fold(config) / "model.safetensors")
    (small.fold(config) / "model.safetensors").unlink()
    killed = {"start": "on_train_epoch_start", "end": "on_validation_epoch_end"}[at]
    calls = getattr(Classifier, killed)

    def kill(module):
        if module.current_epoch == 2:
            raise KeyboardInterrupt
        calls(module)

    with monkeypatch.context() as patch, pytest.raises((KeyboardInterrupt, SystemExit)):
        patch.setattr(Classifier, killed, kill)
        small.train(config)
    checkpoint = torch.load(small.fold(config) / "last.ckpt", weights_only=True)
    assert all(".lora_" in name for name in checkpoint["state_dict"] if name.startswith("encoders."))
    small.train(config)
    resumed = load_file(small.fold(config) / "model.safetensors")
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0)


def test_adapters_of_a_model_that_started_from_adapters_are_merged_one_after_the_other(small):
    """Of images: the model, and the one that it started from, added to the encoder."""
    learning = {"layers": "lora:2", "epochs": 1, "encoder_learning_rate": 0.05}
    first = small.model("first", architecture="image", images="raw", train=learning)
    small.train(first)
    second = small.model(
        "second", architecture="image", images="raw", sources={"image": "first_fold{run}"}, train=learning
    )
    small.train(second)
    weights = small.fold(second) / "model.safetensors"
    assert with_starts(weights, "image") == [weights, small.fold(second) / "../../first/fold0/model.safetensors"]
    case = pd.DataFrame({"id": ["P00"], "image": [str(small.save_png(0))]})
    known = pd.read_csv(small.fold(second) / "predictions.csv").set_index("pair_id")["score"]["P00"]
    found = pd.concat(Predictor(small.fold(second)).predict(case))["score"]
    np.testing.assert_allclose(found, known, atol=1e-5)
    plain = load_encoder("vit-tiny", small.encoder_root / "vit-tiny")
    load_start(plain, weights, "image")
    network = read_network(small.fold(second))
    network.load(small.encoder_root)
    pixels = torch.zeros(1, 64, 64, dtype=torch.uint8)
    torch.testing.assert_close(network.module.encoders["image"](pixels), plain.eval()(pixels))


def test_settings_know_it(params):
    assert "lora:<number>" in tuning_names()
    model = params["studies"]["demo"]["models"]["image"]
    model["train"]["layers"] = "lora:8"
    assert load_studies(params)["demo"].models["image"].train["layers"] == "lora:8"
    model["train"]["layers"] = "lora"
    with pytest.raises(UserError, match=r"models\.image\.train\.layers: found 'lora', expected one of .*lora:<number>"):
        load_studies(params)
    model["train"]["layers"], model["encoders"] = "lora:8", {"image": "efficientnet-lite0"}
    with pytest.raises(UserError, match=r"found lora:8, but efficientnet-lite0 has no attention to adapt; say full or"):
        load_studies(params)


@pytest.mark.parametrize("layers", ["half", "top", "top:0", "top:two", "full:2", "frozen:", ""])
def test_a_way_that_nobody_has_is_reported(params, layers):
    params["studies"]["demo"]["train"]["layers"] = layers
    with pytest.raises(UserError, match=r"demo\.train\.layers: found .*, expected one of frozen, full, lora:"):
        load_studies(params)

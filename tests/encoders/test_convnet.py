"""Encoders that learn from nothing: statistics of batch normalisation are learned, kept, and predicted with."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from small_study import small_study

from lungfuse.encoders import ImageSpec, Random, encoder_spec
from lungfuse.encoders.network import load_encoder
from lungfuse.encoders.networks import convnet, resnet
from lungfuse.errors import UserError
from lungfuse.files import slug
from lungfuse.predict.predictor import Predictor
from lungfuse.train import encoder


def make(name, root):
    folder = root / slug(name)
    encoder.main(name=name, config=folder / "config.json", weights=folder / "model.safetensors")
    return load_encoder(name, folder)


@pytest.mark.parametrize(("name", "convolutions"), [("convnet", 4), ("convnet-small", 3)])
def test_a_network_has_so_many_convolutions_each_of_which_halves_the_side(tmp_path, name, convolutions):
    network, spec = make(name, tmp_path), encoder_spec(name)
    kinds = [type(module) for module in network.modules()]
    for kind in [torch.nn.Conv2d, torch.nn.BatchNorm2d, torch.nn.ReLU, torch.nn.MaxPool2d]:
        assert kinds.count(kind) == convolutions == len(network.layers()) == spec.layers
    for colours in [(), (3,)]:
        pixels = torch.randint(0, 255, (2, 64, 64, *colours), dtype=torch.uint8)
        assert network(pixels).shape == (2, (64 >> convolutions) ** 2, spec.width)


def test_images_that_are_too_small_are_reported(tmp_path):
    network = make("convnet", tmp_path)
    with pytest.raises(UserError, match=r"images\.image_size: found 8, expected 16 or more for 4 convolutions"):
        network(torch.zeros(1, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("kind", [convnet, resnet])
def test_statistics_are_learned_in_training_alone_and_then_no_image_depends_on_another(kind):
    shape = {"widths": [8, 16]} if kind is convnet else {}
    network = kind.build(kind.random_shape(ImageSpec(source=Random(seed=0), width=16, layers=3, shape=shape)))
    images = torch.randn(4, 3, 64, 64) + 3
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    kind.tokens(network.train(), images)
    assert all(not torch.equal(buffer, before[name]) for name, buffer in network.named_buffers())
    learned = {name: buffer.clone() for name, buffer in network.named_buffers()}
    together, alone = (kind.tokens(network.eval(), images[:count]) for count in [4, 1])
    torch.testing.assert_close(together[:1], alone, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(buffer, learned[name]) for name, buffer in network.named_buffers())


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_a_network_learns_and_predicts_what_it_did(tmp_path, monkeypatch, task):
    """Some cases lack their image; the mean of the weights that is kept is one of the statistics, too."""
    monkeypatch.chdir(tmp_path)
    make("convnet-small", tmp_path / "root")
    study = small_study(tmp_path, tmp_path / "root", task)
    train = {"layers": "full", "epochs": 6, "encoder_learning_rate": 0.01, "init_from": "encoder", "ema_decay": 0.9}
    config = study.model(
        architecture="image", name="image_convnet", images="raw", encoders={"image": "convnet-small"},
        sources={"image": "convnet-small"}, train=train,
    )  # fmt: skip
    known = study.train(config).query("part == 'test'").set_index("pair_id")
    weights = load_file(study.fold(config) / "model.safetensors")
    statistics = {name: value for name, value in weights.items() if "running_mean" in name}
    assert len(statistics) == 3
    assert all(value.abs().max() > 0.01 for value in statistics.values())
    pairs = study.pairs[(study.pairs["fold"] == 0) & (study.pairs["image_id"] != "")]
    cases = pd.DataFrame({"id": pairs["pair_id"], "image": [str(study.save_png(n)) for n in pairs.index]})
    predictor = Predictor(study.fold(config))
    found = pd.concat(predictor.predict(cases)).set_index("id")
    scores = predictor.task.columns("score")
    np.testing.assert_allclose(found[scores], known.loc[found.index, scores], atol=1e-5)
    if task == "binary":
        assert (found["label"].map({"normal": 0, "lung": 1}) == known.loc[found.index, "label"]).mean() > 0.9

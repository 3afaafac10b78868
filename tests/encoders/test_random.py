"""Encoders with random weights, for studies without a hub: `random:<encoder>`."""

import json

import pytest
import torch
from safetensors.torch import load_file

from lungfuse.encoders import Random, encoder_modules, encoder_spec, modality_of, network_of
from lungfuse.errors import UserError
from lungfuse.files import slug
from lungfuse.train import encoder


def make(name, root, **files):
    folder = root / slug(name)
    encoder.main(name=name, config=folder / "config.json", weights=folder / "model.safetensors", **files)
    return folder


def test_an_encoder_has_random_weights_the_same_every_time(tmp_path):
    first, second = (make("random:efficientnet-lite0", tmp_path / each) for each in "ab")
    assert first.name == "random_efficientnet-lite0"
    weights = load_file(first / "model.safetensors")
    assert all(torch.equal(weights[key], value) for key, value in load_file(second / "model.safetensors").items())
    assert json.loads((first / "config.json").read_text())["lungfuse"]["source"] == "random"


def test_everything_but_the_weights_is_that_of_the_encoder():
    spec, published = encoder_spec("random:minilm"), encoder_spec("minilm")
    assert spec.source == Random(seed=0)
    assert (spec.width, spec.layers, spec.positions) == (published.width, published.layers, published.positions)
    assert modality_of("random:minilm") == "text"
    assert encoder_modules("random:minilm") == encoder_modules("minilm")


@pytest.mark.parametrize("name", ["vit-base", "bert-base", "minilm", "resnet50"])
def test_the_network_has_the_shape_of_the_published_one(name):
    spec = encoder_spec(f"random:{name}")
    kind = network_of(f"random:{name}", {})
    with torch.device("meta"):
        network = kind.build(kind.random_shape(spec))
    count = {"vit-base": 86, "bert-base": 109, "minilm": 23, "resnet50": 24}[name]  # millions, without heads
    assert sum(parameter.numel() for parameter in network.parameters()) // 10**6 in (count, count - 1)
    assert len(kind.layers(network)) == spec.layers


def test_only_encoders_that_there_are_can_be_random():
    with pytest.raises(UserError, match=r"encoder: found 'random:vit-giant', expected one of .*densenet121"):
        encoder_spec("random:vit-giant")

"""A way to train an encoder is one file in `lungfuse.tuning`."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from trained_study import READS

from lungfuse.encoders.network import load_encoder
from lungfuse.errors import UserError
from lungfuse.plan.load import load_studies
from lungfuse.predict.predictor import Predictor
from lungfuse.train.starts import load_encoders
from lungfuse.tuning import tuning, tuning_names

LORA = '''
"""A product of two narrow matrices is learned beside the query and value of each attention (Hu et al., 2021)."""

from torch import nn

LEARNS, NUMBER = True, True


class LowRank(nn.Module):
    def __init__(self, linear, rank):
        super().__init__()
        self.linear = linear
        self.down = nn.Linear(linear.in_features, rank, bias=False)
        self.up = nn.Linear(rank, linear.out_features, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.linear(x) + self.up(self.down(x))


def set_up(encoder, number):
    encoder.requires_grad_(False)
    for parent in [*encoder.modules()]:
        for name in {"query", "value", "q_proj", "v_proj"} & dict(parent.named_children()).keys():
            setattr(parent, name, LowRank(getattr(parent, name), number))


def merge(encoder, number):
    for parent in [*encoder.modules()]:
        for name, child in [*parent.named_children()]:
            if isinstance(child, LowRank):
                child.linear.weight.data += child.up.weight @ child.down.weight
                setattr(parent, name, child.linear)
'''


@pytest.fixture
def lora(new_part):
    new_part("lungfuse.tuning", "lora", LORA)


def test_a_model_is_trained_so_and_another_starts_from_its_encoder(small, lora):
    """And predicts what it did: the changed encoder is built again, and merged for the model that starts from it."""
    learning = {"layers": "lora:4", "epochs": 2, "encoder_learning_rate": 0.05}
    image = small.model("image", architecture="image", images="raw", train=learning)
    small.train(image)
    learned = load_file(small.fold(image) / "model.safetensors")
    own = load_file(small.encoder_root / "vit-tiny/model.safetensors")
    kept = {name.removeprefix("encoders.image.network."): value for name, value in learned.items()}
    assert all(torch.equal(value, kept[name]) for name, value in own.items() if name in kept), "those are frozen"
    assert any(value.abs().max() > 0 for name, value in kept.items() if ".up." in name)

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


def test_a_merged_encoder_gives_the_tokens_of_the_changed_one(encoder_root, lora):
    torch.manual_seed(0)
    encoder, way = load_encoder("vit-tiny", encoder_root / "vit-tiny").eval(), tuning("lora:4")
    plain = encoder(torch.zeros(2, 64, 64, dtype=torch.uint8))
    way.set_up(encoder)
    for name, parameter in encoder.named_parameters():
        if ".up." in name:
            torch.nn.init.normal_(parameter)
    changed = encoder(torch.zeros(2, 64, 64, dtype=torch.uint8))
    assert not torch.allclose(changed, plain, atol=1e-3)
    way.merge(encoder)
    torch.testing.assert_close(encoder(torch.zeros(2, 64, 64, dtype=torch.uint8)), changed, rtol=1e-4, atol=1e-4)


def test_settings_know_it(params, lora):
    assert "lora:<number>" in tuning_names()
    params["studies"]["demo"]["models"]["image"]["train"]["layers"] = "lora:8"
    assert load_studies(params)["demo"].models["image"].train["layers"] == "lora:8"
    params["studies"]["demo"]["models"]["image"]["train"]["layers"] = "lora"
    with pytest.raises(UserError, match=r"models\.image\.train\.layers: found 'lora', expected one of .*lora:<number>"):
        load_studies(params)


@pytest.mark.parametrize("layers", ["half", "top", "top:0", "top:two", "full:2", "frozen:", ""])
def test_a_way_that_nobody_has_is_told(params, layers):
    params["studies"]["demo"]["train"]["layers"] = layers
    with pytest.raises(UserError, match=r"demo\.train\.layers: found .*, expected one of frozen, full, top:<number>"):
        load_studies(params)

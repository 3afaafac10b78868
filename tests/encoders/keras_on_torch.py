"""Networks of keras.applications as encoders.

test_keras_applications.py runs these tests in a process of its own: in others Keras may run on TensorFlow.
"""

import copy
import json

import numpy as np
import pandas as pd
import pytest
import torch
from model_configs import model_config
from PIL import Image
from torch import nn

from lungfuse.encoders import encoder_spec
from lungfuse.encoders.network import ImageEncoder, load_encoder
from lungfuse.encoders.networks import keras_applications
from lungfuse.errors import UserError
from lungfuse.files import slug
from lungfuse.models import load_model
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import main as write_model
from lungfuse.predict.predictor import Predictor
from lungfuse.relevance.lrp_rules import lrp_rules
from lungfuse.relevance.methods import method
from lungfuse.relevance.network import Case, ExplainedNetwork
from lungfuse.stages import call as run_stage
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import Folds, ImageIndex, Pairs, Validation
from lungfuse.tasks import load_task
from lungfuse.train import encoder
from lungfuse.tuning import tuning

NAME = "random:densenet121"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The folder of encoders, with the files of DenseNet-121 with random weights."""
    root = tmp_path_factory.mktemp("encoders")
    folder = root / slug(NAME)
    encoder.main(name=NAME, config=folder / "config.json", weights=folder / "model.safetensors")
    return root


@pytest.fixture(scope="module")
def loaded(root) -> ImageEncoder:
    return load_encoder(NAME, root / slug(NAME))


@pytest.fixture
def densenet(loaded) -> ImageEncoder:
    """A copy, for the test to change."""
    return copy.deepcopy(loaded)


@pytest.fixture
def pixels() -> torch.Tensor:
    return torch.randint(0, 255, (2, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_an_image_becomes_tokens_of_the_stated_width(densenet, pixels):
    with torch.inference_mode():
        tokens = densenet.tokens({"pixels": pixels.repeat(1, 2, 2, 1)}).values
        grey, colour = densenet(pixels[..., 0]), densenet(pixels[..., :1].expand(-1, -1, -1, 3))
    assert tokens.shape == (2, 2 * 2, encoder_spec("densenet121").width)
    torch.testing.assert_close(grey, colour)


def test_the_network_computes_what_keras_computes(densenet, pixels):
    keras = keras_applications._keras()
    network = keras.applications.DenseNet121(include_top=False, weights=None, input_shape=(32, 32, 3))
    weights = densenet.network.state_dict()
    for layer in network.layers:
        for variable in layer.variables:
            variable.assign(weights[f"{layer.name}.{variable.name}"])
    images = keras.applications.densenet.preprocess_input(pixels.numpy().astype(np.float32))
    with torch.no_grad():
        expected = network(images, training=False).flatten(1, 2)
        torch.testing.assert_close(densenet(pixels), expected, rtol=1e-4, atol=1e-5)


class Seen(nn.Module):
    """A network that gives back the images that it is given."""

    def __init__(self, application: str):
        super().__init__()
        self.application = application

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


@pytest.mark.parametrize(
    ("name", "module"),
    [*((f"densenet{layers}", "densenet") for layers in [121, 169, 201]), ("nasnetlarge", "nasnet"), ("vgg19", "vgg19")],
)
def test_images_are_what_the_network_was_trained_on(pixels, name, module):
    spec = encoder_spec(name)
    seen = ImageEncoder(spec, Seen(spec.shape["application"]), keras_applications)(pixels)
    preprocess = getattr(keras_applications._keras().applications, module).preprocess_input
    expected = preprocess(pixels.numpy().astype(np.float32)).reshape(2, 32 * 32, 3)
    np.testing.assert_allclose(seen.numpy(), expected, rtol=1e-4, atol=1e-3)


def test_every_weight_learns_and_statistics_stay(densenet, pixels):
    statistics = {name: value.clone() for name, value in densenet.network.named_buffers()}
    assert len(statistics) == 2 * 121, "a mean and a variance for each normalisation"
    with torch.autocast("cpu", torch.bfloat16):
        loss = densenet.train()(pixels).float().square().mean()
    loss.backward()
    assert loss.isfinite()
    assert all(parameter.grad is not None for parameter in densenet.parameters())
    for name, value in densenet.network.named_buffers():
        assert torch.equal(value, statistics[name]), name


def test_training_and_evaluation_normalise_by_the_same_statistics(densenet, pixels):
    with torch.no_grad():
        before = densenet.eval()(pixels)
        assert torch.equal(densenet.train()(pixels), before)
        densenet.network.get_buffer("conv1_bn.moving_mean").add_(1)
        assert not torch.allclose(densenet(pixels), before)


def test_the_last_layers_learn(densenet):
    tuning("top:3").set_up(densenet)
    learn = {name.split(".")[1] for name, parameter in densenet.named_parameters() if parameter.requires_grad}
    of_block = ["0_bn", "1_conv", "1_bn", "2_conv"]
    assert learn == {"bn"} | {f"conv5_block{number}_{layer}" for number in [15, 16] for layer in of_block}
    assert len(densenet.layers()) == encoder_spec("densenet121").layers


def test_a_copy_has_weights_of_its_own(densenet, pixels):
    copied = copy.deepcopy(densenet)
    with torch.no_grad():
        before = densenet(pixels)
        copied.network.get_parameter("conv1_conv.kernel").zero_()
        assert torch.equal(densenet(pixels), before)
        assert not torch.equal(copied(pixels), before)


def test_vgg_has_the_width_and_layers_that_its_file_says():
    with torch.device("meta"):
        network = keras_applications.build({"application": "VGG19"})
    spec = encoder_spec("vgg19")
    assert len(keras_applications.layers(network)) == spec.layers
    assert keras_applications.graph("VGG19", (32, 32)).output_shape[-1] == spec.width


def test_images_that_are_too_small_are_reported(densenet):
    with pytest.raises(UserError, match="DenseNet121: found images of 24 x 24 pixels, expected 32 or more"):
        densenet(torch.zeros(1, 24, 24))


def test_published_weights_are_those_that_keras_fetches(tmp_path, monkeypatch):
    keras = keras_applications._keras()
    published = keras.applications.VGG19(include_top=False, weights=None)
    published.save_weights(tmp_path / "published.weights.h5")
    asked = []

    def get_file(name: str, origin: str, file_hash: str, **_) -> str:
        asked.append((name, file_hash))
        return str(tmp_path / "published.weights.h5")

    monkeypatch.setattr(keras.src.applications.vgg19.file_utils, "get_file", get_file)
    files = {"config": tmp_path / "config.json", "weights": tmp_path / "model.safetensors"}
    encoder.main(name="vgg19", **files)
    weights = load_encoder("vgg19", tmp_path).network.state_dict()
    assert torch.equal(weights["block5_conv4.kernel"], published.get_layer("block5_conv4").kernel.value)
    assert asked == [("vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", "253f8cb515780f3b799900260a226db6")]
    assert json.loads(files["config"].read_text())["lungfuse"]["source"] == "kerasapplications"


def test_weights_that_cannot_be_fetched_are_reported_and_nothing_is_left(tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras_applications._keras().src.applications.vgg19.file_utils, "get_file", unreachable)
    files = {"config": tmp_path / "config.json", "weights": tmp_path / "model.safetensors"}
    with pytest.raises(UserError, match=r"VGG19: its weights for ImageNet cannot be fetched \(URL fetch.*random:vgg19"):
        encoder.main(name="vgg19", **files)
    assert not list(tmp_path.iterdir())


def test_a_network_predicts_three_classes_by_colour_and_predicts_new_images_as_it_did(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layout, count = Layout("small"), 24
    labels = np.arange(count) % 3
    images = np.random.default_rng(0).integers(0, 60, (count, 32, 32, 3), dtype=np.uint8)
    images[np.arange(count), ..., labels] += 150  # class by class, more red, green or blue
    names = [f"P{n:02d}" for n in range(count)]
    pairs = pd.DataFrame({"pair_id": names, "report_id": names, "image_id": names, "label": labels, "text": "."})
    pairs = pairs.assign(group=range(count), fold=np.arange(count) // 6 % 2, site="")
    pairs = pairs.assign(comparison="", indication="", findings="", impression="")
    index = pd.DataFrame({"image_id": names, "row": range(count), "width": 32, "height": 32})
    layout.images["array"].parent.mkdir(parents=True)
    np.save(layout.images["array"], images)
    write_table(index, layout.images["index"], ImageIndex)
    write_table(pairs, layout.split["pairs"], Pairs)
    write_table(pairs.assign(repeat=0), layout.split["fold_table"], Folds)
    known = pairs[pairs["fold"] == 1].head(6).assign(fold=0, repeat=0)
    write_table(known, layout.split["validation"], Validation)
    (tmp_path / "data/encoders").symlink_to(root)

    settings = {"image_size": 32, "fit": "pad", "colour": True}
    config = model_config(
        "image", images="raw", task="multiclass", encoders={"image": NAME}, image_settings=settings,
        train={"epochs": 1, "layers": "top:3", "ema_decay": 0.9},
    )  # fmt: skip
    write_model(config=config, file=layout.model("image"))
    run_stage("train", {"model": layout.model("image"), "run": "0"})

    scores = pd.read_csv(layout.network("image", "0")["fold_predictions"])
    tested = scores[scores["part"] == "test"].set_index("pair_id").filter(like="score_")
    assert tested.shape == (12, 3)
    np.testing.assert_allclose(tested.sum(axis=1), 1, atol=1e-5)
    for name in tested.index:
        Image.fromarray(images[names.index(name)]).save(f"{name}.png")
    cases = pd.DataFrame({"id": tested.index, "image": [f"{name}.png" for name in tested.index]})
    found = pd.concat(Predictor(layout.fold_folder("image", "0")).predict(cases))
    np.testing.assert_allclose(found.filter(like="score").to_numpy(), tested, atol=1e-5)


def test_relevance_adds_up_to_the_logit(densenet, pixels):
    """All that is added is zero in the copy; within the rules the network computes what it does."""
    task = load_task("binary", ["normal", "lung"])
    model = load_model("image").build({"image": densenet.spec.width}, task.outputs, hidden=16, dropout=0.1)
    explained, target = ExplainedNetwork({"image": densenet}, {}, model, task), torch.tensor([0, 1])
    with torch.no_grad():
        for name, value in explained.state_dict().items():
            if name.endswith(("bias", "beta", "moving_mean")):
                value.zero_()
    case = Case({"image": pixels.float()}, {"image": torch.ones(2, dtype=torch.bool)})
    with torch.no_grad(), lrp_rules(explained):
        within = explained(case)
    found = method("lrp").explain(explained, case, target)["image"]
    logits = explained(case)
    torch.testing.assert_close(within, logits, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(found.sum((1, 2)), explained.logit(logits, target), rtol=0.01, atol=0)
    assert not any("call" in vars(layer) for layer in keras_applications.graph("DenseNet121", (32, 32)).layers)

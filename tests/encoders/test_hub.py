"""Repositories of the Hugging Face hub as encoders, from settings alone; the hub is a folder of this machine."""

import json
from pathlib import Path

import huggingface_hub
import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    CLIPConfig,
    CLIPModel,
    ResNetConfig,
    ResNetModel,
    ViTConfig,
    ViTForImageClassification,
)

from lungfuse.encoders import encoder_spec, modality_of
from lungfuse.encoders.network import load_encoder
from lungfuse.errors import UserError
from lungfuse.files import slug
from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.train import encoder

NORMALISATION = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.1]}
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
TEXTS = {"vocab_size": 99, "max_position_embeddings": 12, "eos_token_id": 98, "bos_token_id": 97}
NETWORKS = {  # as others publish them, with heads
    "own/vit": ViTForImageClassification(ViTConfig(**SMALL, image_size=48, patch_size=16)),
    "own/resnet": ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 32], depths=[1, 2])),
    "own/clip": CLIPModel(
        CLIPConfig(
            text_config=SMALL | TEXTS, vision_config=SMALL | {"image_size": 48, "patch_size": 16}, projection_dim=20
        )
    ),
    "own/bert": BertForMaskedLM(BertConfig(**SMALL, vocab_size=99, max_position_embeddings=40)),
}


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """A folder with a folder for each repository, which is what the hub's client finds."""
    folder = tmp_path / "hub"
    for repository, network in NETWORKS.items():
        network.save_pretrained(folder / repository)
        for other in ["tokenizer.json", "preprocessor_config.json"]:
            (folder / repository / other).write_text(json.dumps(NORMALISATION))

    def download(repository: str, name: str, revision: str) -> str:
        assert revision == "v1.0"
        if not (folder / repository / name).exists():
            raise OSError(f"404 for {name}")
        return str(folder / repository / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return folder


def make(repository, root, tower=""):
    """Make the encoder of a repository as the workflow would; returns its name and folder."""
    name = f"hub:{repository}@v1.0{tower}"
    folder = root / slug(name)
    files = {"config": folder / "config.json", "weights": folder / "model.safetensors"}
    files |= {"tokenizer": folder / "tokenizer.json"} if "bert" in repository or tower == ":text" else {}
    encoder.main(name=name, **files)
    return name, folder


@pytest.mark.parametrize("repository", ["own/vit", "own/resnet"])
def test_a_repository_of_images_becomes_an_encoder(hub, tmp_path, repository):
    name, folder = make(repository, tmp_path)
    network = load_encoder(name, folder).eval()
    spec = encoder_spec(name, folder / "config.json")
    assert modality_of(name, folder / "config.json") == "image"
    assert (spec.width, spec.layers) == (32, len(network.layers()))
    assert spec.mean == (0.5, 0.4, 0.3), "of its preprocessor_config.json"
    pixels = torch.randint(0, 255, (2, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        found = network(pixels)
        published = NETWORKS[repository].base_model.eval()
        images = pixels[:, None].float() / 255
        if repository == "own/vit":
            images = torch.nn.functional.interpolate(images, size=48, mode="bilinear", antialias=True)
        mean, std = (torch.tensor(NORMALISATION[f"image_{key}"]).view(-1, 1, 1) for key in ["mean", "std"])
        expected = published((images - mean) / std).last_hidden_state
    expected = expected if expected.ndim == 3 else expected.flatten(2).transpose(1, 2)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_repository_of_texts_becomes_an_encoder(hub, tmp_path):
    name, folder = make("own/bert", tmp_path)
    network = load_encoder(name, folder).eval()
    spec = encoder_spec(name, folder / "config.json")
    assert modality_of(name, folder / "config.json") == "text"
    assert (spec.width, spec.layers, spec.positions) == (32, 3, 40)
    ids, mask = torch.tensor([[5, 6, 7]]), torch.ones(1, 3, dtype=torch.bool)
    with torch.no_grad():
        expected = NETWORKS["own/bert"].bert.eval()(ids, mask).last_hidden_state
        torch.testing.assert_close(network(ids, mask), expected)
    with pytest.raises(UserError, match=r"encoders.max_tokens: found texts of 41 tokens, expected at most 40"):
        network(torch.ones(1, 41, dtype=torch.long), torch.ones(1, 41, dtype=torch.bool))


def test_both_towers_of_a_clip_make_embeddings_of_one_space(hub, tmp_path):
    """As its `get_image_features` and `get_text_features`; what follows the end of a text changes nothing."""
    clip, towers, specs = NETWORKS["own/clip"].eval(), {}, {}
    for modality in ["image", "text"]:
        name, folder = make("own/clip", tmp_path, f":{modality}")
        towers[modality] = load_encoder(name, folder).eval()
        specs[modality] = encoder_spec(name, folder / "config.json")
        assert modality_of(name, folder / "config.json") == modality
        assert len(towers[modality].layers()) == specs[modality].layers
    assert specs["image"].width == specs["text"].width == 20 and specs["text"].max_tokens == 12
    pixels = torch.randint(0, 255, (2, 48, 48), dtype=torch.uint8)
    mean, std = (torch.tensor(NORMALISATION[f"image_{key}"]).view(-1, 1, 1) for key in ["mean", "std"])
    ids = torch.tensor([[97, 5, 6, 98], [97, 7, 98, 0]])
    mask = torch.tensor([[True] * 4, [True] * 3 + [False]])
    with torch.no_grad():
        images = clip.get_image_features(pixel_values=(pixels[:, None].float() / 255 - mean) / std).pooler_output
        texts = clip.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
        torch.testing.assert_close(towers["image"](pixels)[:, 0], images, rtol=1e-4, atol=1e-5)
        found = towers["text"].tokens({"ids": ids, "mask": mask})
        torch.testing.assert_close(found.values[:, 0], texts, rtol=1e-4, atol=1e-5)
        assert found.mask.tolist() == [[True], [True]]
        other = towers["text"](torch.cat([ids, torch.full((2, 2), 9)], 1), torch.nn.functional.pad(mask, (0, 2)))
        torch.testing.assert_close(other[:, 0], texts, rtol=1e-4, atol=1e-5)


def test_a_tower_of_what_is_no_clip_is_refused(hub, tmp_path, params):
    with pytest.raises(UserError, match=r"own/vit: found a vit, expected a clip, which has an image tower and a text"):
        make("own/vit", tmp_path, ":image")
    params["studies"]["demo"]["encoders"]["text"] = "hub:own/clip@v1.0:image"
    with pytest.raises(UserError, match=r"encoders\.text: found 'hub:own/clip@v1\.0:image'. no such text encoder"):
        load_study(params | {"study": "demo"})


def test_a_study_names_a_repository_in_its_settings_and_nothing_else(params):
    params["studies"]["demo"]["encoders"] = {"image": "hub:own/vit@v1.0", "text": "hub:own/bert@v1.0"}
    plan = Plan(*load_study(params | {"study": "demo"}))
    job = plan.encoder("hub_own_vit_v1_0")
    assert job.settings == {"name": "hub:own/vit@v1.0"}
    assert job.outputs["weights"] == Path("data/encoders/hub_own_vit_v1_0/model.safetensors")
    assert "tokenizer" in plan.encoder("hub:own/bert@v1.0").outputs
    assert plan.configs["text"].max_tokens == 128
    assert job.outputs["weights"] in plan.train("image", "0").needed["encoder"]
    assert any(
        "hub_own_vit_v1_0" in str(path)
        for path in plan.features(*next(iter(plan.feature_sets))).needed["encoder_files"]
    )


def test_networks_that_are_not_known_are_refused(hub, tmp_path):
    config = hub / "own/vit/config.json"
    config.write_text(json.dumps({"model_type": "swin"}))
    with pytest.raises(UserError, match="model_type: found 'swin', expected one of bert, resnet, vit"):
        make("own/vit", tmp_path)


def test_a_repository_under_the_wrong_modality_is_told(hub, tmp_path):
    files = {"config": tmp_path / "config.json", "weights": tmp_path / "weights"}
    with pytest.raises(UserError, match=r"hub:own/bert@v1\.0: reads texts.*name it under encoders\.text"):
        encoder.main(name="hub:own/bert@v1.0", **files)


def test_weights_that_are_missing_are_told(hub, tmp_path):
    from safetensors.torch import load_file, save_file

    file = hub / "own/bert/model.safetensors"
    weights = load_file(file)
    weights.pop("bert.encoder.layer.1.output.dense.bias")
    save_file(weights, file)
    with pytest.raises(UserError, match=r"1 that BertModel needs are missing, encoder\.layer\.1\.output.* first"):
        make("own/bert", tmp_path)


@pytest.mark.parametrize("name", ["hub:own/vit", "hub:@v1", "hub:own/../vit@v1", "hub:a/b/c@v1", "hub:own/vit@../v1"])
def test_a_name_without_a_repository_and_a_revision_is_none(name):
    with pytest.raises(UserError, match=r"expected one of densenet121, .*, or\s*hub:<repository>@<revision>"):
        encoder_spec(name)

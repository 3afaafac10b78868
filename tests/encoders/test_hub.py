"""Repositories of the Hugging Face hub as encoders, from settings alone, out of its cache and without a network."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hub_cache import IMAGES, NORMALISATION, TEXTS, make
from small_study import small_study

from lungfuse.encoders import encoder_modules, encoder_spec, modality_of
from lungfuse.encoders.network import load_encoder
from lungfuse.encoders.tokens import tokenize
from lungfuse.errors import UserError
from lungfuse.plan.load import load_studies, load_study
from lungfuse.plan.plan import Plan
from lungfuse.predict.predictor import Predictor
from lungfuse.train import encoder

CLIP = "hub:own/clip@v1.0"


@pytest.fixture
def made(hub, tmp_path):
    """Make the encoder of a repository, or of a tower of it; returns its name and folder."""

    def make_of(repository: str, tower: str = "") -> tuple[str, Path]:
        hub(repository)
        name = f"hub:{repository}@v1.0{tower and ':'}{tower}"
        return name, make(name, tmp_path / "encoders", tower or ("text" if repository in TEXTS else "image"))

    return make_of


def without_head(network: torch.nn.Module) -> torch.nn.Module:
    return network if type(network).__name__.endswith("Model") else network.base_model


def expected_of_images(network: torch.nn.Module, pixels: torch.Tensor, px: int) -> torch.Tensor:
    """The tokens that the library's own network gives images, resized and normalised, (B, T, width)."""
    images = pixels[:, None].float() / 255
    images = torch.nn.functional.interpolate(images, size=px, mode="bilinear", antialias=True) if px else images
    mean, std = (torch.tensor(NORMALISATION[f"image_{key}"]).view(-1, 1, 1) for key in ["mean", "std"])
    found = without_head(network)((images - mean) / std).last_hidden_state
    return found if found.ndim == 3 else found.flatten(2).transpose(1, 2)


@pytest.mark.parametrize("repository", IMAGES)
def test_a_repository_of_images_becomes_an_encoder(made, published, repository):
    name, folder = made(repository)
    network, spec = load_encoder(name, folder).eval(), encoder_spec(name, folder / "config.json")
    assert modality_of(name, folder / "config.json") == "image"
    assert (spec.width, spec.layers, spec.px) == (32, len(network.layers()), 0 if "resnet" in repository else 48)
    assert spec.mean == (0.5, 0.4, 0.3), "of its preprocessor_config.json"
    pixels = torch.randint(0, 255, (2, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        expected = expected_of_images(published(repository), pixels, spec.px)
        torch.testing.assert_close(network(pixels), expected, rtol=1e-3, atol=1e-4)
        colour = torch.randint(0, 255, (2, 64, 64, 3), dtype=torch.uint8)
        assert network(colour).shape == expected.shape


@pytest.mark.parametrize("repository", TEXTS)
def test_a_repository_of_texts_becomes_an_encoder(made, published, repository):
    name, folder = made(repository)
    network, spec = load_encoder(name, folder).eval(), encoder_spec(name, folder / "config.json")
    positions = {"own/roberta": 39, "own/xlm-roberta": 38}.get(repository, 40)
    assert modality_of(name, folder / "config.json") == "text"
    assert (spec.width, spec.layers, spec.positions) == (32, len(network.layers()), positions)
    ids, mask = torch.tensor([[5, 6, 7, 8], [9, 8, 0, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()
    with torch.no_grad():
        theirs = without_head(published(repository))
        expected = [theirs(row[None, :length]).last_hidden_state[0] for row, length in zip(ids, [4, 2], strict=True)]
        torch.testing.assert_close(network(ids, mask)[mask], torch.cat(expected), rtol=1e-3, atol=1e-4)
        by_words = network(network.embed(ids), mask)
        torch.testing.assert_close(by_words[mask], network(ids, mask)[mask], rtol=1e-3, atol=1e-4)
        assert network.place(network.embed(ids)).shape == (2, 4, 32)
    with pytest.raises(UserError, match=f"encoders.max_tokens: found texts of 41 tokens, expected at most {positions}"):
        network(torch.ones(1, 41, dtype=torch.long), torch.ones(1, 41, dtype=torch.bool))


@pytest.mark.parametrize(("repository", "tower"), [("own/dinov2", ""), ("own/clip", "image"), ("own/clip", "text")])
def test_what_an_encoder_has_learns(made, repository, tower):
    network = load_encoder(*made(repository, tower))
    pixels = torch.randint(0, 255, (2, 64, 64), dtype=torch.uint8)
    inputs = (torch.tensor([[5, 6]]), torch.ones(1, 2, dtype=torch.bool)) if tower == "text" else (pixels,)
    network(*inputs).square().sum().backward()
    idle = [key for key, each in network.named_parameters() if each.requires_grad and each.grad is None]
    assert not idle, "parameters that nothing uses"


def test_both_towers_of_a_clip_make_embeddings_of_one_space(made, published):
    """As its `get_image_features` and `get_text_features`; what follows the end of a text changes nothing."""
    clip, (image_tower, image), (text_tower, text) = (
        published("own/clip"),
        made("own/clip", "image"),
        made("own/clip", "text"),
    )
    specs = [encoder_spec(name, folder / "config.json") for name, folder in [(image_tower, image), (text_tower, text)]]
    towers = [load_encoder(name, folder).eval() for name, folder in [(image_tower, image), (text_tower, text)]]
    assert [len(each.layers()) for each in towers] == [spec.layers for spec in specs]
    assert [spec.width for spec in specs] == [20, 20]
    pixels = torch.randint(0, 255, (2, 48, 48), dtype=torch.uint8)
    mean, std = (torch.tensor(NORMALISATION[f"image_{key}"]).view(-1, 1, 1) for key in ["mean", "std"])
    ids, mask = torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]).bool()
    with torch.no_grad():
        images = clip.get_image_features(pixel_values=(pixels[:, None].float() / 255 - mean) / std).pooler_output
        texts = clip.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
        torch.testing.assert_close(towers[0](pixels)[:, 0], images, rtol=1e-4, atol=1e-5)
        found = towers[1].tokens({"ids": ids, "mask": mask})
        torch.testing.assert_close(found.values[:, 0], texts, rtol=1e-4, atol=1e-5)
        assert found.mask.tolist() == [[True], [True]]
        longer = towers[1](torch.cat([ids, torch.full((2, 2), 9)], 1), torch.nn.functional.pad(mask, (0, 2)))
        torch.testing.assert_close(longer[:, 0], texts, rtol=1e-4, atol=1e-5)


def test_weights_in_several_files_are_read(hub, tmp_path):
    snapshot = hub("own/bert", max_shard_size="20KB")
    assert (snapshot / "model.safetensors.index.json").exists()
    assert not (snapshot / "model.safetensors").exists()
    assert load_encoder("hub:own/bert@v1.0", make("hub:own/bert@v1.0", tmp_path, "text"))


def test_a_list_of_words_makes_a_tokenizer(hub, tmp_path):
    """As in repositories older than tokenizer.json, PubMedBERT among them."""
    snapshot = hub("own/bert")
    for settings, number in [({}, 6), ({"do_lower_case": False}, 1)]:
        (snapshot / "tokenizer_config.json").write_text(json.dumps(settings))
        folder = make("hub:own/bert@v1.0", tmp_path, "text")
        assert tokenize(pd.Series(["LOW lungs"]), folder / "tokenizer.json", 9)[0].tolist() == [2, number, 7, 3]


@pytest.mark.parametrize(
    ("content", "px", "mean"),
    [
        ({**NORMALISATION, "size": 48}, 48, 0.5),
        ({**NORMALISATION, "size": {"height": 48, "width": 48}, "do_normalize": False}, 48, 0.0),
        ({"image_processor": {**NORMALISATION, "size": {"shortest_edge": 48}}}, 48, 0.5),
        ({**NORMALISATION, "size": 48, "rescale_factor": 2 / 255}, 48, 0.25),
        ({**NORMALISATION, "size": 48, "do_rescale": False}, 48, 0.5 / 255),
    ],
    ids=["a number", "not normalised", "of a processor", "to [0, 2]", "not scaled"],
)
def test_a_preprocessor_says_how_images_are_made(hub, tmp_path, content, px, mean):
    (hub("own/dinov2") / "preprocessor_config.json").write_text(json.dumps(content))
    folder = make("hub:own/dinov2@v1.0", tmp_path, "image")
    spec = encoder_spec("hub:own/dinov2@v1.0", folder / "config.json")
    assert spec.px == px
    assert spec.mean[0] == pytest.approx(mean)


def test_a_trained_model_of_such_encoders_predicts_what_it_did(hub, tmp_path, monkeypatch):
    """With one tower of a repository for images and the other for texts, of which each has its own folder."""
    monkeypatch.chdir(tmp_path)
    hub("own/clip")
    for modality in ["image", "text"]:
        make(f"{CLIP}:{modality}", tmp_path / "root", modality)
    study = small_study(tmp_path, tmp_path / "root")
    names = {modality: f"{CLIP}:{modality}" for modality in ["image", "text"]}
    for layers in ["frozen", "top:1"]:
        train = {"layers": layers, "epochs": 1, "word_dropout": 0.0, "init_from": "encoder"}
        config = study.model(f"early-{layers[:3]}", architecture="early", encoders=names, max_tokens=30, train=train,
                             images="raw", text="findings", sources=names)  # fmt: skip
        known = study.train(config).query("part == 'test'").set_index("pair_id")["score"]
        pairs = study.pairs[study.pairs["fold"] == 0]
        images = [str(study.save_png(n)) for n in pairs.index]
        cases = pd.DataFrame({"id": pairs["pair_id"], "image": images, "text": pairs["findings"]})
        found = pd.concat(Predictor(study.fold(config)).predict(cases)).set_index("id")["score"]
        np.testing.assert_allclose(found, known[found.index], atol=2e-5)


def test_a_study_names_a_repository_in_its_settings_and_nothing_else(params):
    params["studies"]["demo"]["encoders"] = {"image": "hub:own/vit@v1.0", "text": f"{CLIP}:text"}
    plan = Plan(*load_study(params | {"study": "demo"}))
    job = plan.encoder("hub_own_vit_v1_0")
    assert job.settings == {"name": "hub:own/vit@v1.0"}
    assert job.outputs["weights"] == Path("data/encoders/hub_own_vit_v1_0/model.safetensors")
    assert job.parts == encoder_modules("hub:own/vit@v1.0")
    assert {"lungfuse.encoders.networks.dinov2", "lungfuse.encoders.networks.swinv2"} <= {*job.parts}
    assert plan.encoder(f"{CLIP}:text").outputs["tokenizer"] == Path(
        "data/encoders/hub_own_clip_v1_0_text/tokenizer.json"
    )
    assert plan.configs["text"].max_tokens == 128
    assert job.outputs["weights"] in plan.train("image", "0").needed["encoder"]
    assert any(
        "hub_own_vit_v1_0" in str(path)
        for path in plan.features(*next(iter(plan.feature_sets))).needed["encoder_files"]
    )


def test_a_tower_under_the_wrong_modality_is_reported_before_any_work(params):
    params["studies"]["demo"]["encoders"]["image"] = f"{CLIP}:text"
    with pytest.raises(UserError, match=r"encoders\.image: found 'hub:own/clip@v1\.0:text'"):
        load_studies(params)


def refused(name: str, folder: Path, message: str, **files: Path) -> None:
    files = {"config": folder / "config.json", "weights": folder / "weights"} | files
    with pytest.raises(UserError, match=message):
        encoder.main(name=name, **files)
    assert not folder.exists() or not [*folder.iterdir()], "nothing is left behind"


def test_networks_that_are_not_known_are_refused(hub, tmp_path):
    (hub("own/vit") / "config.json").write_text(json.dumps({"model_type": "beit"}))
    expected = r"model_type: found 'beit', expected one of bert, camembert, clip, clip_text_model"
    refused("hub:own/vit@v1.0", tmp_path / "out", expected)


def test_a_repository_with_towers_says_which_there_are(hub, tmp_path):
    hub("own/clip"), hub("own/vit")
    names = r"hub:own/clip@v1\.0:image or hub:own/clip@v1\.0:text"
    refused(CLIP, tmp_path / "out", f"has a tower each for image and text. Name one in params.yaml: {names}")
    refused("hub:own/vit@v1.0:image", tmp_path / "out", r"has no towers. Name it in params.yaml as hub:own/vit@v1\.0\.")


def test_a_repository_under_the_wrong_modality_is_reported(hub, tmp_path):
    hub("own/bert")
    refused("hub:own/bert@v1.0", tmp_path / "out", r"hub:own/bert@v1\.0: reads texts.*name it under encoders\.text")


def test_weights_that_are_missing_are_reported(hub, tmp_path):
    from safetensors.torch import load_file, save_file

    file = hub("own/bert") / "model.safetensors"
    weights = load_file(file)
    weights.pop("bert.encoder.layer.1.output.dense.bias")
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(UserError, match=r"1 that BertModel needs are missing, encoder\.layer\.1\.output.* first"):
        make("hub:own/bert@v1.0", tmp_path, "text")


def test_weights_that_are_a_pickle_alone_are_not_read(hub, tmp_path):
    snapshot = hub("own/vit")
    (snapshot / "model.safetensors").rename(snapshot / "pytorch_model.bin")
    expected = r"own/vit: has its weights at revision v1\.0 as pytorch_model\.bin alone, a pickle.*expected model\.safe"
    refused("hub:own/vit@v1.0", tmp_path / "out", expected)


@pytest.mark.parametrize(
    ("repository", "file"),
    [
        ("own/vit", "model.safetensors"),
        ("own/vit", "preprocessor_config.json"),
        ("own/bert", "vocab.txt"),
        ("own/vit", "config.json"),
    ],
)
def test_a_file_that_is_missing_is_named(hub, tmp_path, repository, file):
    (hub(repository) / file).unlink()
    files = {"tokenizer": tmp_path / "tokenizer.json"} if "bert" in repository else {}
    missing = "tokenizer.json" if file == "vocab.txt" else file
    with pytest.raises(UserError, match=rf"{repository}: (has no )?{missing}.*at revision v1\.0"):
        encoder.main(name=f"hub:{repository}@v1.0", config=tmp_path / "a", weights=tmp_path / "b", **files)


def test_a_damaged_file_is_named(hub, tmp_path):
    (hub("own/vit") / "config.json").write_text("{")
    refused("hub:own/vit@v1.0", tmp_path / "out", r"config\.json: is no JSON .*Delete it from the cache of the hub")


def test_a_preprocessor_that_says_too_little_is_reported(hub, tmp_path):
    (hub("own/vit") / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 48, "width": 64}}))
    refused(
        "hub:own/vit@v1.0", tmp_path / "out", r"found size .*'width': 64.*expected a square, a mean and a deviation"
    )


def test_a_hub_that_cannot_be_reached_is_reported(hub, tmp_path):
    hub("own/vit")
    expected = (
        r"own/other: config\.json at revision v1\.0 cannot be had from the hub .*copy the repository into the cache"
    )
    refused("hub:own/other@v1.0", tmp_path / "out", expected)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("GatedRepoError", r"ask for an agreement. Accept it on https://huggingface\.co/own/vit"),
        ("RepositoryNotFoundError", "the hub has no such repository or revision. Correct its name in params.yaml"),
        ("RevisionNotFoundError", "the hub has no such repository or revision. Correct its name in params.yaml"),
    ],
)
def test_what_the_hub_answers_is_reported(tmp_path, monkeypatch, kind, expected):
    import huggingface_hub
    from huggingface_hub import errors

    def answer(*_, **__):
        raise getattr(errors, kind)("no", response=SimpleNamespace(headers={}, request=None))

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", answer)
    refused("hub:own/vit@v1.0", tmp_path / "out", expected)


@pytest.mark.parametrize(
    "name", ["hub:own/vit", "hub:@v1", "hub:own/../vit@v1", "hub:a/b/c@v1", "hub:own/vit@../v1", "hub:own/vit@v1:sound"]
)
def test_a_name_without_a_repository_and_a_revision_is_none(name):
    with pytest.raises(UserError, match=r"expected one of .*densenet121, .*, or\s*hub:<repository>@<revision>"):
        encoder_spec(name)

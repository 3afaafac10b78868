"""A cache of the Hugging Face hub as its client lays it, of tiny networks with random weights, and no way to the hub.

Of each repository there is one snapshot, of the revision v1.0.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers as hf
from huggingface_hub import constants

from lungfuse.files import slug
from lungfuse.train import encoder

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NORMALISATION = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.1]}
PREPROCESSOR = {**NORMALISATION, "size": {"height": 48, "width": 48}}
CROPPED = {**NORMALISATION, "size": {"shortest_edge": 60}, "crop_size": 48, "do_center_crop": True}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "clear", "low", "lungs", "study", "the", *map(str, range(60))]
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
BLOCKS = SMALL | {"intermediate_size": 48}
TEXT = {"vocab_size": len(WORDS), "max_position_embeddings": 40, "pad_token_id": 0}
VISION = BLOCKS | {"image_size": 48, "patch_size": 16}
TOWER = BLOCKS | TEXT | {"bos_token_id": 2, "eos_token_id": 3}
IMAGES: dict[str, Callable[[], torch.nn.Module]] = {  # repositories of images, with heads as others publish them
    "own/vit": lambda: hf.ViTForImageClassification(hf.ViTConfig(**BLOCKS, image_size=48, patch_size=16)),
    "own/resnet": lambda: hf.ResNetModel(hf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 32], depths=[1, 2])),
    "own/dinov2": lambda: hf.Dinov2Model(hf.Dinov2Config(**SMALL, image_size=70, patch_size=14)),
    "own/dinov2-registers": lambda: hf.Dinov2WithRegistersModel(
        hf.Dinov2WithRegistersConfig(**SMALL, image_size=70, patch_size=14)
    ),
    "own/dinov3": lambda: hf.DINOv3ViTModel(
        hf.DINOv3ViTConfig(**BLOCKS, image_size=64, patch_size=16, num_register_tokens=4)
    ),
    "own/swinv2": lambda: hf.Swinv2ForImageClassification(
        hf.Swinv2Config(image_size=48, patch_size=4, embed_dim=16, depths=[1, 2], num_heads=[1, 2], window_size=3)
    ),
}
TEXTS: dict[str, Callable[[], torch.nn.Module]] = {
    "own/bert": lambda: hf.BertForMaskedLM(hf.BertConfig(**BLOCKS, **TEXT)),
    "own/roberta": lambda: hf.RobertaForMaskedLM(hf.RobertaConfig(**BLOCKS, **TEXT)),
    "own/xlm-roberta": lambda: hf.XLMRobertaModel(hf.XLMRobertaConfig(**BLOCKS, **TEXT | {"pad_token_id": 1})),
    "own/distilbert": lambda: hf.DistilBertForMaskedLM(
        hf.DistilBertConfig(**TEXT, dim=32, n_layers=2, n_heads=2, hidden_dim=48)
    ),
}
TOWERS = {"own/clip": lambda: hf.CLIPModel(hf.CLIPConfig(vision_config=VISION, text_config=TOWER, projection_dim=20))}
ALL = IMAGES | TEXTS | TOWERS


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Callable[[str], torch.nn.Module]:
    """The network of a repository as the library has it, each made once."""
    made = {}

    def of(repository: str) -> torch.nn.Module:
        if repository not in made:
            torch.manual_seed(0)
            made[repository] = ALL[repository]().eval()
            for parameter in made[repository].parameters():
                if parameter.ndim < 2:  # what begins as zeros or ones would hide that it is not read
                    torch.nn.init.normal_(parameter, 0.5, 0.2)
        return made[repository]

    return of


@pytest.fixture
def hub(tmp_path, monkeypatch, published) -> Callable[..., Path]:
    """Put a repository into the cache; returns the folder of its snapshot."""
    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    def put(repository: str, **saving) -> Path:
        folder = cache / f"models--{repository.replace('/', '--')}"
        snapshot = folder / "snapshots" / COMMIT
        if snapshot.exists():
            return snapshot
        (folder / "refs").mkdir(parents=True)
        (folder / "refs/v1.0").write_text(COMMIT)
        published(repository).save_pretrained(snapshot, **saving)
        if repository not in TEXTS:
            content = CROPPED if "dinov2" in repository else PREPROCESSOR
            (snapshot / "preprocessor_config.json").write_text(json.dumps(content))
        if repository not in IMAGES:
            (snapshot / "vocab.txt").write_text("\n".join(WORDS))
        return snapshot

    return put


def make(name: str, root: Path, modality: str) -> Path:
    """Make the files of an encoder as the workflow would; returns their folder."""
    folder = root / slug(name)
    files = {"config": folder / "config.json", "weights": folder / "model.safetensors"}
    encoder.main(name=name, **files, **({"tokenizer": folder / "tokenizer.json"} if modality == "text" else {}))
    return folder

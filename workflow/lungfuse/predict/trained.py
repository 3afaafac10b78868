"""Trained classifiers from the files that the stage `train` left."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lungfuse.encoders import ENCODERS, WEIGHTS
from lungfuse.encoders.network import ImageEncoder, TextEncoder
from lungfuse.errors import UserError
from lungfuse.models import build_model
from lungfuse.models.blocks import masked_mean
from lungfuse.paths import PACKAGED, TRAINED_SETTINGS
from lungfuse.settings import (
    PACKAGED_SEGMENTER,
    EncoderSettings,
    FusionSettings,
    ImageSettings,
    MaskSettings,
    Row,
    TrainSettings,
)
from lungfuse.train.classifier import Classifier
from lungfuse.train.train import load_encoders


@dataclass(frozen=True)
class Trained:
    """A row trained for one fold: its settings, and what `load_trained` needs besides them."""

    folder: Path
    row: Row
    encoders: EncoderSettings
    fusion: FusionSettings
    train: TrainSettings
    images: ImageSettings
    labels: list[str]
    starts: list[Path]
    segmenter: Path | None
    mask: MaskSettings | None

    @property
    def reads_means(self) -> bool:
        """Whether it reads the mean of each pair's tokens instead of all."""
        return self.encoders.gives_means(self.train)


class MeanTokens(nn.Module):
    """An encoder of one token a pair: the mean of its real tokens."""

    def __init__(self, encoder: ImageEncoder | TextEncoder):
        super().__init__()
        self.encoder = encoder

    def tokens(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The mean token of each pair with its mask: float32 (B, 1, width of the encoder), true of (B, 1)."""
        tokens, mask = self.encoder.tokens(batch)
        return masked_mean(tokens.float(), mask)[:, None], torch.ones_like(mask[:, :1])


def read_trained(folder: Path) -> Trained:
    """The settings of a trained row in its folder results/<study>/models/<row>/fold<k>.

    Raises:
        UserError: the folder holds no trained row.
    """
    try:
        settings = json.loads((folder / TRAINED_SETTINGS).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{folder / TRAINED_SETTINGS}: not found. Expected the folder of a trained row, such as "
            "results/demo/models/kv-exchange. Train it, or name another."
        ) from None
    masks = settings["masks"]
    return Trained(
        folder=folder,
        row=Row.model_validate(settings["row"]),
        encoders=EncoderSettings.model_validate(settings["encoders"]),
        fusion=FusionSettings.model_validate(settings["fusion"]),
        train=TrainSettings.model_validate(settings["train"]),
        images=ImageSettings.model_validate(settings["images"]),
        labels=settings["labels"],
        starts=[folder / start for start in settings["starts"]],
        segmenter=masks and (PACKAGED if masks["segmenter"] == PACKAGED_SEGMENTER else folder / masks["segmenter"]),
        mask=masks and MaskSettings.model_validate(masks["mask"]),
    )


def load_trained(trained: Trained, encoder_root: Path) -> Classifier:
    """The classifier with its weights and those of its encoders, ready to predict.

    Raises:
        UserError: the weights are not those of the model that the settings name.
    """
    widths = (ENCODERS[trained.encoders.image].width, ENCODERS[trained.encoders.text].width)
    encoders = load_encoders(trained.row, trained.encoders, encoder_root, trained.starts)
    if trained.reads_means:
        encoders = {modality: MeanTokens(encoder) for modality, encoder in encoders.items()}
    model = build_model(trained.row.model, *widths, trained.fusion)
    module = Classifier(encoders, model, trained.train, torch.ones(2), seed=0)
    absent, unknown = module.load_state_dict(load_file(trained.folder / WEIGHTS), strict=False)
    if trained.train.layers == "frozen":
        absent = [name for name in absent if not name.startswith("encoders.")]
    if absent or unknown:
        raise UserError(
            f"{trained.folder / WEIGHTS}: lacks {len(absent)} and has {len(unknown)} unknown of the weights of "
            f"{trained.row.model}, {(absent + unknown)[0]} first. Train it again with this version."
        )
    return module.eval()

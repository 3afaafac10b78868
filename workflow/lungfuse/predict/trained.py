"""Trained classifiers from the files that the stage `train` left."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from lungfuse.encoders import WEIGHTS, encoder_spec
from lungfuse.encoders.network import Encoder, load_encoder, load_into, load_weights
from lungfuse.errors import UserError
from lungfuse.models import build_model
from lungfuse.models.blocks import masked_mean
from lungfuse.paths.names import PACKAGED, TRAINED_SETTINGS
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.rows import Row
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER, MaskSettings
from lungfuse.settings.training import EncoderSettings, FusionSettings, TrainSettings
from lungfuse.train.calibration import Calibration
from lungfuse.train.classifier import Classifier
from lungfuse.train.train import load_encoders

as_it_comes = cache(load_encoder)  # frozen, it serves all folds

OTHERS = {  # what else of a study has settings, by one that it alone has
    "unet": "a segmenter, for `python -m lungfuse segment`",
    "network": "a network of keras.applications, which is compared and not kept",
    "mask": "the lung masks of a study",
}


@dataclass(frozen=True)
class Trained:
    """A row trained for one fold: its settings, and what `load_trained` needs besides them.

    `folds` is how many folds the study has.
    """

    folder: Path
    fold: int
    folds: int
    row: Row
    encoders: EncoderSettings
    fusion: FusionSettings
    train: TrainSettings
    images: ImageSettings
    labels: list[str]
    starts: list[Path]
    segmenter: Path | None
    mask: MaskSettings | None
    calibration: Calibration

    @property
    def reads_means(self) -> bool:
        """Whether it reads the mean of each pair's tokens instead of all."""
        return self.encoders.gives_means(self.train)


class MeanTokens(nn.Module):
    """An encoder of one token a pair: the mean of its real tokens."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.encoder = encoder

    def tokens(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The mean token of each pair with its mask: float32 (B, 1, width of the encoder), true of (B, 1)."""
        tokens, mask = self.encoder.tokens(batch)
        return masked_mean(tokens.float(), mask)[:, None], torch.ones_like(mask[:, :1])


def read_trained(folder: Path) -> Trained:
    """The settings of a trained row in its folder results/<study>/models/<row>/fold<k>.

    Raises:
        UserError: the folder holds no trained row, or one of another version.
    """
    path = folder / TRAINED_SETTINGS
    settings = read_settings(folder)
    if "fusion" not in settings:
        raise no_row(folder)
    try:
        masks = settings["masks"]
        train = TrainSettings.model_validate(settings["train"])
        return Trained(
            folder=folder,
            fold=settings["fold"],
            folds=settings["folds"],
            row=Row.model_validate(settings["row"]),
            encoders=EncoderSettings.model_validate(settings["encoders"]),
            fusion=FusionSettings.model_validate(settings["fusion"]),
            train=train,
            images=ImageSettings.model_validate(settings["images"]),
            labels=settings["labels"],
            # encoders that have learned on are among the row's own weights
            starts=[folder / start for start in settings["starts"] if train.layers == "frozen"],
            segmenter=masks and (PACKAGED if masks["segmenter"] == PACKAGED_SEGMENTER else folder / masks["segmenter"]),
            mask=masks and MaskSettings.model_validate(masks["mask"]),
            calibration=Calibration.model_validate(settings["calibration"]),
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise other_version(path, error) from error


def read_settings(folder: Path) -> dict:
    """What the file settings.json in a folder says.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = folder / TRAINED_SETTINGS
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise no_row(folder) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Mend its permissions.") from error
    except ValueError as error:
        raise UserError(f"{path}: is no JSON ({error}). Copy the folder anew, or train the row again.") from error
    if not isinstance(settings, dict):
        raise no_row(folder)
    return settings


def other_version(path: Path, error: Exception) -> UserError:
    """The settings at `path` are none that this version writes; `error` says where."""
    what = f"no {error}" if isinstance(error, KeyError) else str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        what = f"{error.title}.{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return UserError(
        f"{path}: is not what this version of lungfuse writes ({what}). Train the row again, or use the version that "
        "has trained it."
    )


def no_row(folder: Path) -> UserError:
    """The folder holds no trained row: what it is, and which rows of its study can predict."""
    folder = folder.parent if folder.is_file() else folder
    rows = _rows_near(folder)
    choose = f"These can predict: {', '.join(map(str, rows))}." if rows else "Train one, or name another folder."
    return UserError(
        f"{folder}: {_what_is(folder)}. Expected the folder of a trained row, such as "
        f"results/demo/models/kv-exchange. {choose}"
    )


def _what_is(folder: Path) -> str:
    if (folder.parent.parent / "predictions" / f"{folder.name}.csv").exists() and not folder.exists():
        return "not found; this row of the study leaves predictions alone, and no model"
    if not (folder / TRAINED_SETTINGS).exists():
        return f"has no {TRAINED_SETTINGS}" if folder.exists() else "not found"
    settings = json.loads((folder / TRAINED_SETTINGS).read_text(encoding="utf-8"))
    return next((f"holds {kind}" for key, kind in OTHERS.items() if key in settings), "is none of a trained row")


def _rows_near(folder: Path) -> list[Path]:
    """The folders of the trained rows of the study that a folder is of."""
    for place in [folder, *folder.parents]:
        if (place / "models").is_dir():
            found = {*place.glob(f"models/*/{TRAINED_SETTINGS}"), *place.glob(f"models/*/fold*/{TRAINED_SETTINGS}")}
            return sorted({place / "models" / path.relative_to(place / "models").parts[0] for path in found})
    return []


def load_trained(trained: Trained, encoder_root: Path) -> Classifier:
    """The classifier with its weights and those of its encoders, ready to predict.

    Raises:
        UserError: a file is missing or damaged, or the weights are not those of the model that the settings name.
    """
    widths = (encoder_spec(trained.encoders.image).width, encoder_spec(trained.encoders.text).width)
    frozen = trained.train.layers == "frozen"
    if frozen and not trained.starts:
        encoders = {
            modality: as_it_comes(name, encoder_root / name)
            for modality, name in trained.encoders.of(trained.row.inputs).items()
        }
    else:
        encoders = load_encoders(trained.row, trained.encoders, encoder_root, trained.starts)
    if trained.reads_means:
        encoders = {modality: MeanTokens(encoder) for modality, encoder in encoders.items()}
    model = build_model(trained.row.model, *widths, trained.fusion)
    module = Classifier(encoders, model, trained.train, torch.ones(2), seed=0)
    path = trained.folder / WEIGHTS
    load_into(module, load_weights(path), path, ("encoders.",) if frozen else ())
    return module.eval()

"""The models that a trained row consists of, one a fold, and what they read of new cases."""

import re
from collections import Counter
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from pydantic import ValidationError

from lungfuse.encoders import TOKENIZER, WEIGHTS
from lungfuse.encoders.tokens import count_tokens, tokenize
from lungfuse.errors import UserError
from lungfuse.files import sha256
from lungfuse.modalities.image.arms import ArmImages, arm_images
from lungfuse.paths.names import SEGMENTER, TRAINED_SETTINGS
from lungfuse.predict.image_files import UnreadableImageError, read_image, refuse
from lungfuse.predict.trained import Trained, load_trained, other_version, read_settings, read_trained
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.rows import Row
from lungfuse.train.calibration import Calibration
from lungfuse.train.data import PairDataset, in_order
from lungfuse.train.late import PARTS, Weights, fuse
from lungfuse.train.precision import autocast

if TYPE_CHECKING:
    from lungfuse.segment.segmenter import Segmenter


class Inputs:
    """The images and texts of a few cases, a table of `Cases`, read once for all members of a row.

    `notes` counts the cases of which less is seen than their files hold.
    """

    def __init__(self, cases: pd.DataFrame, encoder_root: Path):
        self.cases, self.encoder_root = cases, encoder_root
        self.pixels: dict[ImageSettings, np.ndarray] = {}
        self.arms: dict[tuple, np.ndarray | ArmImages] = {}
        self.tokens: dict[tuple[str, int], list[np.ndarray]] = {}
        self.notes: Counter[str] = Counter()

    def of(self, trained: Trained) -> PairDataset:
        """What a model reads of the cases."""
        images = rows = texts = None
        if "image" in trained.row.inputs:
            images, rows = self._arm(trained), np.arange(len(self.cases))
        if "text" in trained.row.inputs:
            texts = self._texts(trained.encoders.text, trained.encoders.text_tokens)
        return PairDataset(np.zeros(len(self.cases), int), images, rows, texts)

    def _texts(self, encoder: str, most: int) -> list[np.ndarray]:
        if (encoder, most) not in self.tokens:
            tokenizer = self.encoder_root / encoder / TOKENIZER
            if cut := (count_tokens(self.cases["text"], tokenizer) > most).sum():
                self.notes[f"text is cut after the {most} tokens that {encoder} reads"] = int(cut)
            self.tokens[encoder, most] = tokenize(self.cases["text"], tokenizer, most)
        return self.tokens[encoder, most]

    def _arm(self, trained: Trained) -> np.ndarray | ArmImages:
        if trained.images not in self.pixels:
            self.pixels[trained.images] = read_images(self.cases["image"], trained.images)
        pixels = self.pixels[trained.images]
        if trained.segmenter is None:
            return pixels
        key = (trained.row.images, trained.images, trained.segmenter.resolve(), trained.mask)
        if key not in self.arms:
            segmented = segmenter_in(trained.segmenter.resolve()).masks(pixels, trained.mask)
            masks = np.stack([mask for _, mask in segmented])
            if empty := (~masks.any((1, 2))).sum():
                self.notes["no lung is found in the image, so the model sees it black"] = int(empty)
            self.arms[key] = arm_images(trained.row.images, pixels, masks)
        return self.arms[key]


@cache
def segmenter_in(folder: Path) -> "Segmenter":
    """The segmenter in a folder, loaded once."""
    from lungfuse.segment.segmenter import load_segmenter  # brings TensorFlow, which raw images do without

    return load_segmenter(folder)


def read_images(paths: pd.Series, settings: ImageSettings) -> np.ndarray:
    """Decode images: uint8 of shape (image, height, width).

    Raises:
        UserError: names every image that cannot be read.
    """
    pixels, problems = [], []
    for path in paths:
        try:
            pixels.append(read_image(Path(path), settings)[0])
        except UnreadableImageError as problem:
            problems.append(problem)
    refuse(problems)
    return np.stack(pixels)


class Fold:
    """A row trained for one fold."""

    def __init__(self, folder: Path):
        self.trained = read_trained(folder)
        self.row, self.labels, self.calibration = self.trained.row, self.trained.labels, self.trained.calibration
        if self.row.images not in ("", "raw") and self.trained.segmenter is None:
            raise UserError(
                f"{folder / TRAINED_SETTINGS}: says nothing of the masks of {self.row.images}, so new images cannot be "
                "cut alike. Train the row again with --mask-settings."
            )
        if self.trained.segmenter and not (self.trained.segmenter / SEGMENTER).is_file():
            raise UserError(
                f"{self.trained.segmenter / SEGMENTER}: not found. Expected the segmenter whose masks {folder} "
                "reads: copy it there, or train it again."
            )

    def load(self, encoder_root: Path) -> None:
        """Make ready to score."""
        self.module = load_trained(self.trained, encoder_root).to("cuda" if torch.cuda.is_available() else "cpu")
        if self.trained.segmenter is not None:
            segmenter_in(self.trained.segmenter.resolve())

    def score(self, inputs: Inputs) -> np.ndarray:
        """Scores of the cases in [0, 1], (case,)."""
        dataset, scores = inputs.of(self.trained), []
        device = self.module.class_weights.device
        for positions in in_order(np.arange(len(dataset)), 2 * self.trained.train.batch):
            batch = {name: tensor.to(device) for name, tensor in dataset[positions].items()}
            with torch.inference_mode(), autocast(device.type, self.trained.train.precision):
                scores.append(self.module.predict_step(batch, 0).cpu())
        return torch.cat(scores).double().numpy()

    def sha256(self) -> str:
        return "".join(sha256(path) for path in [self.trained.folder / WEIGHTS, *self.trained.starts])


class LateFold:
    """Both parts of a late fusion for one fold; `weights` are those of the log odds, or None for the mean."""

    def __init__(self, row: Row, image: Fold, text: Fold, weights: Weights | None, calibration: Calibration):
        self.row, self.labels, self.parts, self.weights = row, image.labels, [image, text], weights
        self.calibration = calibration

    def load(self, encoder_root: Path) -> None:
        for part in self.parts:
            part.load(encoder_root)

    def score(self, inputs: Inputs) -> np.ndarray:
        scores = np.stack([part.score(inputs) for part in self.parts], axis=1)
        return fuse(scores, self.weights)

    def sha256(self) -> str:
        return "".join(part.sha256() for part in self.parts)


def read_members(model: Path) -> list[Fold] | list[LateFold]:
    """The models of all folds of the row in the folder `model`, or of the one fold whose folder it is.

    Raises:
        UserError: the folder holds no trained row, or a fold of it is missing or of another row.
    """
    model = model.parent if model.name == WEIGHTS else model
    named = {path: re.fullmatch(r"fold(\d+)(?:_repeat(\d+))?", path.name) for path in model.glob("fold*")}
    runs = {(int(name[2] or 0), int(name[1])): path for path, name in named.items() if name}
    if runs:
        members = {run: Fold(runs[run]) for run in sorted(runs)}
        _check_runs(model, {run: member.trained for run, member in members.items()})
        return list(members.values())
    settings = read_settings(model)
    if not isinstance(settings.get("folds"), list):
        return [Fold(model)]
    try:
        row = Row.model_validate(settings["row"])
        calibrations = [Calibration.model_validate(fold["calibration"]) for fold in settings["folds"]]
        parts = [([model / fold[part] for part in PARTS], fold.get("weights")) for fold in settings["folds"]]
    except (KeyError, TypeError, ValidationError) as error:
        raise other_version(model / TRAINED_SETTINGS, error) from error
    return [
        LateFold(row, *map(Fold, folders), weights, calibration)
        for (folders, weights), calibration in zip(parts, calibrations, strict=True)
    ]


def _check_runs(model: Path, found: dict[tuple[int, int], Trained]) -> None:
    """See that the models of a row, by repeat and fold, are all there and of one row."""
    first = next(iter(found.values()))
    expected = product(range(max(repeat for repeat, _ in found) + 1), range(first.folds))
    missing = [_folder(*run) for run in expected if run not in found]
    if missing:
        raise UserError(
            f"{model}: lacks {', '.join(missing)}, found {', '.join(_folder(*run) for run in found)}. A mean over "
            "fewer models is another one: train or copy what is missing, or name the folder of one fold."
        )
    for (_, number), trained in found.items():
        if trained.fold != number:
            raise UserError(f"{trained.folder}: is fold {trained.fold} by its settings. Copy fold {number} anew.")
        same = ["row", "labels", "encoders", "images"]
        if other := [name for name in same if getattr(trained, name) != getattr(first, name)]:
            raise UserError(
                f"{trained.folder}: has another setting of {other[0]} than {first.folder}, so it is of another row. "
                "Copy it anew, or train the row again."
            )


def _folder(repeat: int, fold: int) -> str:
    return f"fold{fold}_repeat{repeat}" if repeat else f"fold{fold}"

"""What a trained row consists of: a model a fold, of whatever kind."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from lungfuse.encoders.network import Encoder
from lungfuse.errors import UserError
from lungfuse.files import sha256
from lungfuse.paths.names import PACKAGED, SEGMENTER, TRAINED_SETTINGS
from lungfuse.predict.cases import Batch, Preprocessing
from lungfuse.predict.folders import other_version
from lungfuse.predict.frozen import features
from lungfuse.settings.base import Precision
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.rows import Choice, Row
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER, MaskSettings
from lungfuse.settings.training import EncoderSettings
from lungfuse.tasks import Calibration, Task, load_task
from lungfuse.train.data import Features


class FoldModel(ABC):
    """A model of one fold."""

    row: Row
    task: Task
    calibration: Calibration

    @property
    @abstractmethod
    def reads(self) -> dict[str, Choice]:
        """What it reads of a case, by modality in order."""

    @property
    @abstractmethod
    def known(self) -> dict[str, list[dict]]:
        """What it knows of structured columns, by modality: name and kind of each, and unit or categories."""

    @abstractmethod
    def load(self, encoder_root: Path) -> None:
        """Make ready to score.

        Raises:
            UserError: a file is missing or damaged, or of another model than the settings name.
        """

    @abstractmethod
    def score(self, batch: Batch) -> np.ndarray:
        """Scores in [0, 1] of some cases, (case, score column)."""

    @abstractmethod
    def sha256(self) -> str:
        """Digests of its files, one after the other."""


class StoredFold(FoldModel):
    """What the folder fold<k> of a row holds; `settings` is what its file says.

    Raises what `json` and `pydantic` do where this is not what this version writes.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]):
        self.folder, self.settings = folder, settings
        self.row = Row.model_validate(settings["row"])
        self.task = load_task(settings["task"], settings["labels"])
        self.calibration = Calibration.model_validate(settings["calibration"])
        self.fold, self.folds = settings["fold"], settings["folds"]
        self.preprocessing, self.loaded = self._preprocessing(), False
        _check_segmenter(folder, self.row, self.preprocessing.segmenter)

    @property
    def reads(self) -> dict[str, Choice]:
        dropped = self.row.changed if self.row.ablation.startswith("dropped") else ""
        return {name: self.row.inputs[name] for name in self.row.modalities if name != dropped}

    @property
    def known(self) -> dict[str, list[dict]]:
        return self.preprocessing.known

    @property
    @abstractmethod
    def files(self) -> list[Path]:
        """Its weights."""

    @abstractmethod
    def load_files(self, encoder_root: Path) -> None:
        """Read what is needed to score; see `load`."""

    def load(self, encoder_root: Path) -> None:
        if not self.loaded:
            self.load_files(encoder_root)
        self.loaded = True

    def features(self, batch: Batch, name: str, encoder: Encoder, precision: Precision) -> Features:
        """The tokens that a frozen encoder makes of a modality of some cases, once for all models that have it."""
        choice = self.row.inputs[name]

        def make() -> Features:
            source = batch.source(name, choice, self.preprocessing)
            return features(encoder, source, len(batch), precision, self.preprocessing.encoders.pooling)

        return batch.once((name, choice, self.preprocessing, id(encoder), precision), make)

    def sha256(self) -> str:
        return "".join(map(sha256, self.files))

    def _preprocessing(self) -> Preprocessing:
        found, masks = self.settings, self.settings.get("masks")
        segmenter = masks and masks["segmenter"]
        return Preprocessing(
            encoders=EncoderSettings.model_validate(found["encoders"]) if "encoders" in found else None,
            images=ImageSettings.model_validate(found["images"]) if "images" in found else None,
            segmenter=segmenter and (PACKAGED if segmenter == PACKAGED_SEGMENTER else self.folder / segmenter),
            mask=masks and MaskSettings.model_validate(masks["mask"]),
            redact_terms=tuple(found.get("redact_terms", [])),
            known=found.get("fitted", {}),
        )


AnyFold = TypeVar("AnyFold", bound=StoredFold)


def _check_segmenter(folder: Path, row: Row, segmenter: Path | None) -> None:
    """See that the images can be cut as in training.

    Raises:
        UserError: they cannot.
    """
    if row.images not in ("", "raw") and segmenter is None:
        raise UserError(
            f"{folder / TRAINED_SETTINGS}: says nothing of the masks of {row.images}, so new images cannot be cut "
            "alike. Train the row again with --mask-settings."
        )
    if segmenter and not (segmenter / SEGMENTER).is_file():
        raise UserError(
            f"{segmenter / SEGMENTER}: not found. Expected the segmenter whose masks {folder} reads: copy it there, or "
            "train it again."
        )


def fold_of(kind: Callable[[Path, dict[str, Any]], AnyFold], folder: Path, settings: dict[str, Any]) -> AnyFold:
    """The model of a fold by what its settings say.

    Raises:
        UserError: they are of another version.
    """
    try:
        return kind(folder, settings)
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise other_version(folder / TRAINED_SETTINGS, error) from error

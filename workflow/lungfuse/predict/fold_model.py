"""What a trained model consists of: a model a fold, of whatever kind."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lungfuse.encoders.network import Encoder
from lungfuse.modalities import load_modality
from lungfuse.modalities.new_cases import Batch, Preprocessing
from lungfuse.plan.names import TRAINED_SETTINGS
from lungfuse.predict.consistency import check_calibration, check_fold, task_of
from lungfuse.predict.folders import OF_ANOTHER_VERSION, checked, other_version
from lungfuse.predict.frozen import features
from lungfuse.predict.integrity import check_parts
from lungfuse.settings.base import Precision
from lungfuse.settings.model import Choice, ModelConfig
from lungfuse.tasks import Calibration, Task
from lungfuse.train.data import Features
from lungfuse.train.trained import FoldSettings, segmenter_of


class FoldModel(ABC):
    """A model of one fold."""

    config: ModelConfig
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
    """What the folder fold<k> of a model holds; `settings` is what its file says.

    Raises ValueError where these do not fit together.
    """

    def __init__(self, folder: Path, settings: FoldSettings):
        self.folder, self.settings, self.config = folder, settings, settings.model
        self.task, self.calibration = task_of(self.config), settings.calibration
        check_calibration(self.calibration, self.task)
        check_fold(settings)
        self.preprocessing, self.loaded = self._preprocessing(), False

    @property
    def reads(self) -> dict[str, Choice]:
        dropped = self.config.changed if self.config.ablation.startswith("dropped") else ""
        return {name: choice for name, choice in self.config.inputs.items() if name != dropped}

    @property
    def known(self) -> dict[str, list[dict]]:
        return self.preprocessing.known

    @abstractmethod
    def load_files(self, encoder_root: Path) -> None:
        """Read what is needed to score; see `load`."""

    def load(self, encoder_root: Path) -> None:
        if not self.loaded:
            check_parts(self.folder, self.settings.sha256.parts, encoder_root)
            self.load_files(encoder_root)
        self.loaded = True

    def features(self, batch: Batch, name: str, encoder: Encoder, precision: Precision) -> list[Features]:
        """The tokens that a frozen encoder makes of each input of a modality of some cases, once for all models that
        have it."""

        def make(choice: str) -> Features:
            source = batch.source(name, choice, self.preprocessing)
            return features(encoder, source, len(batch), precision, self.config.pooling)

        made_by = (self.preprocessing, id(encoder), precision, self.config.pooling)
        choices = load_modality(name).sources(self.config.inputs[name])
        return [batch.once((name, choice, *made_by), partial(make, choice)) for choice in choices]

    def sha256(self) -> str:
        return json.dumps(self.settings.sha256.model_dump(), sort_keys=True)

    def _preprocessing(self) -> Preprocessing:
        config, masks = self.config, self.settings.masks
        return Preprocessing(
            text_encoder=config.encoders.get("text", ""),
            max_tokens=config.max_tokens,
            images=config.image_settings,
            segmenter=masks and segmenter_of(masks.segmenter, self.folder),
            mask=masks and masks.mask,
            redact_terms=tuple(config.redact_terms),
            known=self.settings.fitted,
        )


AnyFold = TypeVar("AnyFold", bound=StoredFold)


def fold_of(kind: Callable[[Path, FoldSettings], AnyFold], folder: Path, settings: dict[str, Any]) -> AnyFold:
    """The model of a fold by what its settings say.

    Raises:
        UserError: they were changed, or are of another version.
    """
    found = checked(FoldSettings, settings, folder)
    try:
        return kind(folder, found)
    except OF_ANOTHER_VERSION as error:
        raise other_version(folder / TRAINED_SETTINGS, error) from error

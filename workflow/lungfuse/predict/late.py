"""Late fusions of trained models."""

import json
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from lungfuse.modalities import in_order, load_modality
from lungfuse.modalities.new_cases import Batch
from lungfuse.models import kind_spec, load_model
from lungfuse.predict.consistency import check_calibration, task_of
from lungfuse.predict.fold_model import FoldModel, StoredFold
from lungfuse.predict.integrity import check_parts
from lungfuse.settings.model import Choice
from lungfuse.train.trained import LateSettings


class LateFusion(FoldModel):
    """What a late fusion combines in one of its `folds`, by `number`: the models of its `parts`, by role.

    `settings` is the content of its file in `folder`. Raises ValueError where these do not fit together.
    """

    def __init__(self, folder: Path, settings: LateSettings, number: int, parts: dict[str, StoredFold]):
        self.folder, self.settings, self.config, self.parts = folder, settings, settings.model, parts
        self.task, learned = task_of(self.config), settings.folds[number]
        self.fitted, self.calibration = learned.fitted, learned.calibration
        check_calibration(self.calibration, self.task)
        self._check_parts(*divmod(number, self.config.folds))
        self._check_fitted()

    def _check_parts(self, repeat: int, fold: int) -> None:
        config = self.config
        if not kind_spec(config.architecture).combines or list(self.parts) != list(config.parts):
            raise ValueError(f"folds: found the parts {', '.join(self.parts)}, expected {', '.join(config.parts)}")
        for role, part in self.parts.items():
            run = (part.settings.repeat, part.settings.fold)
            named = (part.config.name, part.config.task, part.config.labels)
            if named != (config.parts[role], config.task, config.labels) or run != (repeat, fold):
                expected = f"fold {fold} of repeat {repeat} of {config.parts[role]}"
                raise ValueError(f"parts: found {part.folder}, which is not {expected}")

    def _check_fitted(self) -> None:
        """What was learned makes scores of any."""
        columns = len(self.task.columns("score"))
        scores = np.full((len(self.parts), 1, columns), 1 / max(columns, 2))
        try:
            fused = load_model(self.config.architecture).fuse(scores, self.fitted, self.task)
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise ValueError(f"fitted: {error!r}") from error
        if fused.shape != (1, columns) or not np.isfinite(fused).all():
            raise ValueError(f"fitted: found {self.fitted}")

    @cached_property
    def reads(self) -> dict[str, Choice]:
        found: dict[str, Choice] = {}
        for name in in_order({name for part in self.parts.values() for name in part.reads}):
            choices = [part.reads[name] for part in self.parts.values() if name in part.reads]
            found[name] = load_modality(name).united(choices)
        return found

    @property
    def known(self) -> dict[str, list[dict]]:
        found: dict[str, list[dict]] = {}
        for part in self.parts.values():
            for name, columns in part.known.items():
                found[name] = found.get(name, []) + columns
        return found

    def load(self, encoder_root: Path) -> None:
        check_parts(self.folder, self.settings.sha256.parts, encoder_root)
        for part in self.parts.values():
            part.load(encoder_root)

    def score(self, batch: Batch) -> np.ndarray:
        scores = [batch.once(("scores", id(each)), partial(each.score, batch)) for each in self.parts.values()]
        return load_model(self.config.architecture).fuse(np.stack(scores), self.fitted, self.task)

    def sha256(self) -> str:
        own = json.dumps(self.settings.sha256.model_dump(), sort_keys=True)
        return "".join([own, *(part.sha256() for part in self.parts.values())])

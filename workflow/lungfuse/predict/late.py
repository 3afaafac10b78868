"""Late fusions of trained rows."""

from functools import cached_property, partial
from itertools import chain
from pathlib import Path

import numpy as np

from lungfuse import registry
from lungfuse.modalities import in_order
from lungfuse.models import module_of
from lungfuse.predict.cases import Batch
from lungfuse.predict.fold_model import FoldModel
from lungfuse.settings.rows import Choice, Row
from lungfuse.tasks import Calibration, Task


class LateFusion(FoldModel):
    """The models that a late fusion combines in one fold, by modality; `fitted` is what its model has learned."""

    def __init__(self, row: Row, parts: dict[str, FoldModel], fitted: dict, calibration: Calibration, task: Task):
        self.row, self.parts, self.fitted, self.calibration, self.task = row, parts, fitted, calibration, task

    @cached_property
    def reads(self) -> dict[str, Choice]:
        found: dict[str, Choice] = {}
        for name in in_order({name for part in self.parts.values() for name in part.reads}):
            choices = [part.reads[name] for part in self.parts.values() if name in part.reads]
            lists = all(isinstance(choice, list) for choice in choices)
            found[name] = list(dict.fromkeys(chain(*choices))) if lists else choices[0]
        return found

    @property
    def known(self) -> dict[str, list[dict]]:
        found: dict[str, list[dict]] = {}
        for part in self.parts.values():
            for name, columns in part.known.items():
                found[name] = found.get(name, []) + columns
        return found

    def load(self, encoder_root: Path) -> None:
        for part in self.parts.values():
            part.load(encoder_root)

    def score(self, batch: Batch) -> np.ndarray:
        scores = [batch.once(("scores", id(each)), partial(each.score, batch)) for each in self.parts.values()]
        return registry.imported(module_of(self.row.model)).fuse(np.stack(scores), self.fitted, self.task)

    def sha256(self) -> str:
        return "".join(part.sha256() for part in self.parts.values())

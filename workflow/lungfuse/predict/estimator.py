"""Estimators of scikit-learn of one fold: baselines and probes."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from lungfuse.modalities.text.cases import texts_of
from lungfuse.models.columns import as_values
from lungfuse.paths.names import ESTIMATOR
from lungfuse.predict.cases import Batch
from lungfuse.predict.fold_model import StoredFold
from lungfuse.predict.frozen import load_frozen
from lungfuse.train.estimators import Inputs, Models
from lungfuse.train.kept import Estimator, load_estimator


class EstimatorFold(StoredFold):
    """A baseline, or a probe on the mean tokens of frozen encoders."""

    def __init__(self, folder: Path, settings: dict[str, Any]):
        super().__init__(folder, settings)
        self.kinds = {column["name"]: column["kind"] for column in settings.get("columns", [])}

    @property
    def files(self) -> list[Path]:
        return [self.folder / ESTIMATOR]

    @cached_property
    def estimator(self) -> Estimator:
        return load_estimator(self.folder)

    @cached_property
    def known(self) -> dict[str, list[dict]]:
        if not self.kinds:
            return {}
        categories = categories_of(self.estimator.models)
        columns = self.settings["columns"]
        return {"structured": [each | {"categories": categories.get(each["name"], [])} for each in columns]}

    def load_files(self, encoder_root: Path) -> None:
        self.encoders = {}
        if self.row.kind == "probe":
            self.encoders = load_frozen(self.preprocessing.encoders.of(self.row.inputs), encoder_root)
        _ = self.estimator

    def score(self, batch: Batch) -> np.ndarray:
        return self.estimator.score(self._inputs(batch))

    def _inputs(self, batch: Batch) -> Inputs:
        if self.kinds:
            return as_values(batch.frame, self.kinds)
        if self.encoders:
            precision = self.settings["precision"]
            found = [self.features(batch, name, encoder, precision) for name, encoder in self.encoders.items()]
            return np.hstack([each.means() for each in found])
        return texts_of(batch, self.preprocessing).to_numpy()


def categories_of(models: Models) -> dict[str, list[str]]:
    """The categories of each column that fitted estimators have seen."""
    found: dict[str, list[str]] = {}
    for model in models:
        first = model[0] if isinstance(model, Pipeline) else None
        for _, fitted, columns in first.transformers_ if isinstance(first, ColumnTransformer) else []:
            for name, seen in zip(columns, getattr(fitted, "categories_", []), strict=False):
                found[name] = sorted({*found.get(name, []), *(each for each in seen if isinstance(each, str))})
    return found

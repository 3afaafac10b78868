"""Estimators of scikit-learn of one fold: baselines and probes."""

from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from lungfuse.encoders.network import Encoder
from lungfuse.modalities.new_cases import Batch
from lungfuse.modalities.text.cases import texts_of
from lungfuse.models.columns import as_values
from lungfuse.plan.names import ESTIMATOR
from lungfuse.predict.fold_model import StoredFold
from lungfuse.predict.frozen import load_frozen
from lungfuse.predict.integrity import check_part
from lungfuse.train.estimators import Inputs, Models, score
from lungfuse.train.kept import damaged, unpacked
from lungfuse.train.trained import FoldSettings


class EstimatorFold(StoredFold):
    """A baseline, or a probe on the mean tokens of frozen encoders."""

    def __init__(self, folder: Path, settings: FoldSettings):
        super().__init__(folder, settings)
        self.encoders: dict[str, Encoder] = {}
        self.kinds = {column.name: column.kind for column in settings.columns}

    @cached_property
    def models(self) -> Models:
        """The fitted estimators, one a label column.

        Raises:
            UserError: they are not those of the training, or score nothing.
        """
        path = self.folder / ESTIMATOR
        check_part(self.folder, path, self.settings.sha256.parts[ESTIMATOR])
        models = unpacked(path)
        self._check_scores(models, path)
        return models

    def _check_scores(self, models: Models, path: Path) -> None:
        """See that estimators score a case of which nothing is known."""
        if self.kinds:
            nothing = as_values(pd.DataFrame({name: [""] for name in self.kinds}), self.kinds)
        elif self.encoders:
            nothing = np.zeros((1, sum(encoder.spec.width for encoder in self.encoders.values())), np.float32)
        else:
            nothing = np.array([""], dtype=object)
        shape = (1, len(self.task.columns("score")))
        try:
            found = score(models, nothing, self.task)
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise damaged(path, error) from error
        if len(models) != len(self.task.columns("label")) or found.shape != shape or not np.isfinite(found).all():
            raise damaged(path, ValueError(f"{len(models)} estimators give {found.tolist()}"))

    @cached_property
    def known(self) -> dict[str, list[dict]]:
        if not self.kinds:
            return {}
        categories = categories_of(self.models)
        columns = self.settings.columns
        known = [each.model_dump() | {"categories": categories.get(each.name, [])} for each in columns]
        return {"structured": known}

    def load_files(self, encoder_root: Path) -> None:
        self.encoders = load_frozen(self.config.encoders, encoder_root)
        _ = self.models

    def score(self, batch: Batch) -> np.ndarray:
        return score(self.models, self._inputs(batch), self.task)

    def _inputs(self, batch: Batch) -> Inputs:
        if self.kinds:
            return as_values(batch.frame, self.kinds)
        if self.encoders:
            precision = self.config.precision
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


FOLD = EstimatorFold

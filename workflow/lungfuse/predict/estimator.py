"""Estimators of scikit-learn of one fold: baselines, probes and classical fusions."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from lungfuse.encoders.network import Encoder
from lungfuse.modalities.new_cases import Batch
from lungfuse.modalities.text.cases import texts_of
from lungfuse.models import kind_spec
from lungfuse.models.columns import as_values
from lungfuse.models.side_by_side import side_by_side
from lungfuse.plan.names import ESTIMATOR
from lungfuse.predict.fold_model import StoredFold
from lungfuse.predict.frozen import load_frozen
from lungfuse.predict.integrity import check_part
from lungfuse.train.estimators import Inputs, Models, score
from lungfuse.train.kept import damaged, unpacked
from lungfuse.train.stored import mean_of
from lungfuse.train.trained import FoldSettings


class EstimatorFold(StoredFold):
    """A baseline, a probe on the mean tokens of frozen encoders, or a classical model of several inputs."""

    def __init__(self, folder: Path, settings: FoldSettings):
        super().__init__(folder, settings)
        self.encoders: dict[str, Encoder] = {}
        self.kinds = {column.name: column.kind for column in settings.columns}
        self.several = kind_spec(self.config.architecture).name == "classical"

    @cached_property
    def models(self) -> Models:
        """The fitted estimators, one a label column.

        Raises:
            UserError: they are not those of the training, or score nothing.
        """
        path = self.folder / ESTIMATOR
        check_part(self.folder, path, self.settings.sha256.parts[ESTIMATOR])
        models = unpacked(path)
        if self.encoders.keys() == self.config.encoders.keys():
            self._check_scores(models, path)
        return models

    def _check_scores(self, models: Models, path: Path) -> None:
        """See that estimators score a case of which nothing is known."""
        frame = pd.DataFrame({name: [""] for name in self.kinds}, index=[0])
        means = [np.zeros((1, encoder.spec.width), np.float32) for encoder in self.encoders.values()]
        nothing = self._chosen(frame, means, np.array([""], dtype=object))
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
        self._check_scores(self.models, self.folder / ESTIMATOR)

    def score(self, batch: Batch) -> np.ndarray:
        return score(self.models, self._inputs(batch), self.task)

    def _inputs(self, batch: Batch) -> Inputs:
        frame = pd.DataFrame({name: batch.column(name) for name in self.kinds}, batch.frame.index)
        precision = self.config.precision
        read = [self.features(batch, name, encoder, precision) for name, encoder in self.encoders.items()]
        means = [mean_of([each.means() for each in features]) for features in read]
        return self._chosen(frame, means, texts_of(batch, self.config.text, self.preprocessing).to_numpy())

    def _chosen(self, frame: pd.DataFrame, means: list[np.ndarray], texts: np.ndarray) -> Inputs:
        """What the estimator takes: of cells of structured columns, mean tokens (case, width) and texts (case,)."""
        if self.several:
            return side_by_side(
                dict(zip(self.encoders, means, strict=True)),
                texts if self.config.text else None,
                as_values(frame, self.kinds) if self.kinds else None,
            )
        if self.kinds:
            return as_values(frame, self.kinds)
        return np.hstack(means) if means else texts


def categories_of(models: Models) -> dict[str, list[str]]:
    """The categories of each column that fitted estimators have seen."""
    found: dict[str, list[str]] = {}
    for model in models:
        for name, seen in _categories(model[0] if isinstance(model, Pipeline) else None):
            found[name] = sorted({*found.get(name, []), *(each for each in seen if isinstance(each, str))})
    return found


def _categories(estimator: object) -> Iterator[tuple[str, np.ndarray]]:
    """The names of columns and their categories, wherever in an estimator they were learned."""
    if isinstance(estimator, Pipeline):
        yield from _categories(estimator[0])
    for _, fitted, columns in estimator.transformers_ if isinstance(estimator, ColumnTransformer) else []:
        yield from zip(columns, getattr(fitted, "categories_", []), strict=False)
        yield from _categories(fitted)


FOLD = EstimatorFold

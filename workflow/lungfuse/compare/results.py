"""The models of a study with their predictions, as the tables of a comparison take them."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from lungfuse.compare.scores import join_predictions
from lungfuse.compare.subsets import read_structured
from lungfuse.compare.verdicts import Scored, scored
from lungfuse.ingest.parts import tested
from lungfuse.models.naming import named
from lungfuse.parameters import options
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import read_model
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Folds, Pairs
from lungfuse.tables.training import Predictions, ValidationPredictions
from lungfuse.tasks import Task, load_task


@options
class Compared:
    """The models that are compared.

    Parameters
    ----------
    study
        Name of the study.
    models
        Names of the models, in the order of the tables.
    primary
        The score by which they are compared: auroc, accuracy or balanced_accuracy.
    """

    study: str
    models: list[str]
    primary: str = "auroc"


@dataclass(frozen=True)
class Results:
    """What the models of a study have predicted; everything is read when it is first asked for."""

    compared: Compared

    @property
    def layout(self) -> Layout:
        return Layout(self.compared.study)

    @property
    def names(self) -> list[str]:
        return self.compared.models

    @cached_property
    def models(self) -> list[ModelConfig]:
        return [read_model(self.layout.model(name)) for name in self.names]

    @cached_property
    def named(self) -> pd.DataFrame:
        """The columns of tables that name the models, a row each."""
        return pd.DataFrame([named(model) | {"row": name} for name, model in zip(self.names, self.models, strict=True)])

    @cached_property
    def task(self) -> Task:
        return load_task(self.models[0].task, self.models[0].labels)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The table `Pairs`, without those that no fold tests."""
        return tested(read_table(self.layout.split["pairs"], Pairs))

    @cached_property
    def predictions(self) -> list[pd.DataFrame]:
        """`Predictions` of each model."""
        return [read_table(self.layout.predictions(name)["predictions"], Predictions) for name in self.names]

    @cached_property
    def joined(self) -> list[pd.DataFrame]:
        """The predictions of each model in the order of the pairs, see `join_predictions`."""
        files = [self.layout.predictions(name)["predictions"] for name in self.names]
        folds = read_table(self.layout.split["fold_table"], Folds)
        found = zip(self.predictions, files, strict=True)
        return [join_predictions(self.task, self.pairs, each, file, folds) for each, file in found]

    @cached_property
    def validated(self) -> list[pd.DataFrame]:
        """`ValidationPredictions` of each model."""
        files = [self.layout.predictions(name)["validated"] for name in self.names]
        return [read_table(file, ValidationPredictions) for file in files]

    @cached_property
    def scored(self) -> Scored:
        """The primary metric of each model within folds, training by training."""
        return scored(self.task, self.names, self.models, self.joined, self.validated, self.compared.primary)

    @cached_property
    def structured(self) -> pd.DataFrame | None:
        """The values of the structured columns in the order of the pairs, where a model reads some."""
        if not any(model.structured for model in self.models):
            return None
        return read_structured(self.layout.structured["structured"], self.pairs)

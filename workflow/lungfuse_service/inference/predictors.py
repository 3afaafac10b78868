"""Trained models that are kept loaded, the last few that were asked."""

from collections import OrderedDict
from pathlib import Path

import pandas as pd

from lungfuse.plan.layout import Layout
from lungfuse.plan.names import TRAINED_SETTINGS
from lungfuse.predict.predictor import Predictor
from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.inference.catalogue import folder_of, project_of
from lungfuse_service.inference.conformal import OutOfFold

KEPT = 4


class OtherVersionError(Exception):
    """The files of a model are of another version than the one that was asked."""


class LoadedModel:
    """A trained model with the out-of-fold predictions of its study, None where there are none."""

    def __init__(self, model: TrainedModel):
        self.predictor = Predictor(folder_of(model))
        self.sha256, self.changed = self.predictor.made_by["sha256"], _changed(model)
        self.known = self._read_known(project_of(model) / Layout(model.study_id).predictions(model.name)["predictions"])

    def _read_known(self, path: Path) -> OutOfFold | None:
        if not path.exists():
            return None
        table = pd.read_csv(path)
        made_by = (table["repeat"] * self.predictor.config.folds + table["fold"]).to_numpy()
        whole = made_by.max(initial=-1) + 1 == len(self.predictor.fold_models)
        return OutOfFold(self.predictor.task, table, made_by) if whole else None


_loaded: OrderedDict[tuple[str, str, str], LoadedModel] = OrderedDict()


def loaded(model: TrainedModel) -> LoadedModel:
    """A model, ready to predict.

    Raises:
        OtherVersionError: it was trained again since.
        UserError: its files are damaged.
    """
    key = (model.study_id, model.name, model.project)
    found = _loaded.pop(key, None)
    if found is None or found.changed != _changed(model):
        found = LoadedModel(model)
    _loaded[key] = found
    while len(_loaded) > KEPT:
        _loaded.popitem(last=False)
    if found.sha256 != model.sha256:
        raise OtherVersionError(str(model))
    return found


def _changed(model: TrainedModel) -> float:
    """When the settings of a model were last written."""
    folder = folder_of(model)
    files = [*folder.glob(TRAINED_SETTINGS), *folder.glob(f"fold*/{TRAINED_SETTINGS}")]
    return max((path.stat().st_mtime for path in files), default=0.0)

"""The models of all folds of a trained model, from its folder."""

import re
from itertools import product
from pathlib import Path
from typing import Any

from lungfuse import registry
from lungfuse.encoders import WEIGHTS
from lungfuse.errors import UserError
from lungfuse.models import kind_spec
from lungfuse.plan.names import ESTIMATOR, TRAINED_SETTINGS
from lungfuse.predict.fold_model import FoldModel, StoredFold, fold_of
from lungfuse.predict.folders import OF_ANOTHER_VERSION, checked, other_version, read_settings
from lungfuse.predict.late import LateFusion
from lungfuse.train.trained import FoldSettings, LateSettings

SEARCHED = {
    "settings",
    "train",
    "fusion",
    "encoders",
    "sources",
    "pooling",
    "max_tokens",
    "precision",
    "parts",
    "point",
}
SAME = {  # of the settings of all folds
    "model": lambda settings: settings.model.model_dump(exclude=SEARCHED if settings.model.point else None),
    "columns": lambda settings: settings.columns,
    "split, the digest of the pairs and folds it learned from,": lambda settings: settings.split,
}
RUN = re.compile(r"fold(\d+)(?:_repeat(\d+))?")


def read_fold_models(model: Path) -> list[FoldModel]:
    """The models of all folds of the model in the folder `model`, or of the one fold whose folder it is.

    Raises:
        UserError: the folder holds no trained row, or a fold of it is missing or of another model.
    """
    model = model.parent if model.name in (WEIGHTS, ESTIMATOR) else model
    runs = {run: path for path in model.glob("fold*") if (run := _run(path))}
    if runs:
        fold_models = {run: read_fold(runs[run]) for run in sorted(runs)}
        _check_runs(model, fold_models)
        return list(fold_models.values())
    settings = read_settings(model)
    if "folds" in settings:
        return _read_late(model, settings)
    fold_model = read_fold(model)
    _check_place(fold_model)
    return [fold_model]


def read_fold(folder: Path) -> StoredFold:
    """The model in the folder of a fold, not loaded yet.

    Raises:
        UserError: the folder holds none, or one of another version.
    """
    return fold_of(_fold, folder, read_settings(folder))


def _fold(folder: Path, settings: FoldSettings) -> StoredFold:
    kind = kind_spec(settings.model.architecture)
    return registry.imported(kind.predicted_by).FOLD(folder, settings)


def _read_late(model: Path, settings: dict[str, Any]) -> list[LateFusion]:
    found = checked(LateSettings, settings, model)
    places = {place for fold in found.folds for place in fold.parts.values()}
    read = {place: read_fold(model / place) for place in places}
    try:
        fold_models = [
            LateFusion(model, found, number, {role: read[place] for role, place in fold.parts.items()})
            for number, fold in enumerate(found.folds)
        ]
    except OF_ANOTHER_VERSION as error:
        raise other_version(model / TRAINED_SETTINGS, error) from error
    if len(fold_models) % found.model.folds:
        what = ValueError(f"folds: found {len(fold_models)}, expected {found.model.folds} or a multiple")
        raise other_version(model / TRAINED_SETTINGS, what)
    return fold_models


def _run(folder: Path) -> tuple[int, int] | None:
    """The repeat and the fold that a folder is called by."""
    found = RUN.fullmatch(folder.name)
    return (int(found[2] or 0), int(found[1])) if found else None


def _check_runs(model: Path, found: dict[tuple[int, int], StoredFold]) -> None:
    """See that the models of all folds, by repeat and fold, are all there and of one model."""
    first = next(iter(found.values()))
    expected = product(range(max(repeat for repeat, _ in found) + 1), range(first.config.folds))
    missing = [_folder(*run) for run in expected if run not in found]
    if missing:
        raise UserError(
            f"{model}: lacks {', '.join(missing)}, found {', '.join(_folder(*run) for run in found)}. A mean over "
            "fewer models is another one: train or copy what is missing, or name the folder of one fold."
        )
    for fold_model in found.values():
        _check_place(fold_model)
        if other := [name for name in SAME if SAME[name](fold_model.settings) != SAME[name](first.settings)]:
            raise UserError(
                f"{fold_model.folder}: has another setting of {other[0]} than {first.folder}, so it is of another "
                "model. Copy it anew, or train the model again."
            )


def _check_place(fold_model: StoredFold) -> None:
    """See that a folder is called by the fold and the repeat that it is of."""
    run, settings = _run(fold_model.folder), fold_model.settings
    if run not in (None, (settings.repeat, settings.fold)):
        raise UserError(
            f"{fold_model.folder}: is {_folder(settings.repeat, settings.fold)} by its settings. Copy {_folder(*run)} "
            "anew."
        )


def _folder(repeat: int, fold: int) -> str:
    return f"fold{fold}_repeat{repeat}" if repeat else f"fold{fold}"

"""The models that a trained row consists of, from its folder."""

import re
from itertools import product
from pathlib import Path

from pydantic import ValidationError

from lungfuse.encoders import WEIGHTS
from lungfuse.errors import UserError
from lungfuse.paths.names import ESTIMATOR, TRAINED_SETTINGS
from lungfuse.predict.estimator import EstimatorFold
from lungfuse.predict.fold_model import FoldModel, StoredFold, fold_of
from lungfuse.predict.folders import other_version, read_settings
from lungfuse.predict.late import LateFusion
from lungfuse.predict.network import NetworkFold
from lungfuse.settings.rows import TRAINED, Row
from lungfuse.tasks import Calibration, load_task

SAME = ["row", "task", "labels", "encoders", "images", "columns"]  # of the settings of all folds


def read_fold_models(model: Path) -> list[FoldModel]:
    """The models of all folds of the row in the folder `model`, or of the one fold whose folder it is.

    Raises:
        UserError: the folder holds no trained row, or a fold of it is missing or of another row.
    """
    model = model.parent if model.name in (WEIGHTS, ESTIMATOR) else model
    named = {path: re.fullmatch(r"fold(\d+)(?:_repeat(\d+))?", path.name) for path in model.glob("fold*")}
    runs = {(int(name[2] or 0), int(name[1])): path for path, name in named.items() if name}
    if runs:
        fold_models = {run: read_fold(runs[run]) for run in sorted(runs)}
        _check_runs(model, fold_models)
        return list(fold_models.values())
    settings = read_settings(model)
    return _read_late(model, settings) if isinstance(settings.get("folds"), list) else [read_fold(model)]


def read_fold(folder: Path) -> StoredFold:
    """The model in the folder of a fold, not loaded yet.

    Raises:
        UserError: the folder holds none, or one of another version.
    """
    settings = read_settings(folder)
    return fold_of(_fold, folder, settings)


def _fold(folder: Path, settings: dict) -> StoredFold:
    kind = NetworkFold if Row.model_validate(settings["row"]).kind in TRAINED else EstimatorFold
    return kind(folder, settings)


def _read_late(model: Path, settings: dict) -> list[LateFusion]:
    try:
        row, task = Row.model_validate(settings["row"]), load_task(settings["task"], settings["labels"])
        folds = [
            ({name: model / place for name, place in fold["parts"].items()}, fold["fitted"], fold["calibration"])
            for fold in settings["folds"]
        ]
        calibrations = [Calibration.model_validate(calibration) for *_, calibration in folds]
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise other_version(model / TRAINED_SETTINGS, error) from error
    places = {place.resolve(): place for parts, *_ in folds for place in parts.values()}
    read = {place: read_fold(folder) for place, folder in places.items()}  # one that is trained once serves all repeats
    return [
        LateFusion(row, {name: read[place.resolve()] for name, place in parts.items()}, fitted, calibration, task)
        for (parts, fitted, _), calibration in zip(folds, calibrations, strict=True)
    ]


def _check_runs(model: Path, found: dict[tuple[int, int], StoredFold]) -> None:
    """See that the models of a row, by repeat and fold, are all there and of one row."""
    first = next(iter(found.values()))
    expected = product(range(max(repeat for repeat, _ in found) + 1), range(first.folds))
    missing = [_folder(*run) for run in expected if run not in found]
    if missing:
        raise UserError(
            f"{model}: lacks {', '.join(missing)}, found {', '.join(_folder(*run) for run in found)}. A mean over "
            "fewer models is another one: train or copy what is missing, or name the folder of one fold."
        )
    for (_, number), fold_model in found.items():
        if fold_model.fold != number:
            raise UserError(f"{fold_model.folder}: is fold {fold_model.fold} by its settings. Copy fold {number} anew.")
        if other := [name for name in SAME if fold_model.settings.get(name) != first.settings.get(name)]:
            raise UserError(
                f"{fold_model.folder}: has another setting of {other[0]} than {first.folder}, so it is of another row. "
                "Copy it anew, or train the row again."
            )


def _folder(repeat: int, fold: int) -> str:
    return f"fold{fold}_repeat{repeat}" if repeat else f"fold{fold}"

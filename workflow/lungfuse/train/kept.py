"""Fitted estimators as files, without pickle: what was learned in each fold, and what is needed to predict with it."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import numpy as np
import pandas as pd
from pydantic import ValidationError
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from lungfuse.errors import UserError
from lungfuse.files import atomic_write
from lungfuse.paths.names import ESTIMATOR, FOLD_PREDICTIONS, TRAINED_SETTINGS
from lungfuse.settings.rows import Row
from lungfuse.tables.base import write_table
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import Calibration, Task, load_task
from lungfuse.train.estimators import Inputs, Models, score
from lungfuse.train.predictions import calibration_of

# skops imports all of scikit-learn, and with this module PyTorch, where it is installed.
_OF_TORCH = "sklearn.externals.array_api_compat.torch"
sys.modules.setdefault(_OF_TORCH, None)
from skops import io as skops  # noqa: E402
from skops.io.exceptions import UntrustedTypesFoundException  # noqa: E402

if sys.modules[_OF_TORCH] is None:
    del sys.modules[_OF_TORCH]

TRUSTED = [  # besides the estimators of scikit-learn and the arrays of NumPy
    "functools.partial",
    "lungfuse.models.columns.WithoutEmpty",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
]
STOP_WORDS = re.compile(rb'("_stop_words_id": \{[^{}]*"content": ")\d+')  # where in memory those of a vectorizer were
NUMBER = re.compile(rb'("__id__": |"file": ")(\d+)')  # of an object, by its place in memory


@dataclass(frozen=True)
class Estimator:
    """A row that is no network, as it was fitted for one fold; `settings` is what else its file says."""

    row: Row
    task: Task
    calibration: Calibration
    models: Models
    settings: dict[str, Any]

    @property
    def labels(self) -> list[str]:
        """The names of the classes, or of the labels."""
        return self.task.labels

    def score(self, inputs: Inputs) -> np.ndarray:
        """Scores in [0, 1] of cases, (case, score column); inputs as in training, see `lungfuse.train.estimators`."""
        return score(self.models, inputs, self.task)


def keep(
    folds: Iterator[tuple[pd.DataFrame, Models]], task: Task, made_by: dict[str, Any], models: Path
) -> list[pd.DataFrame]:
    """Write what each fold has learned into a folder of its own in `models`; returns the scores of all folds.

    The model is that of the test scores; how scores become probabilities is learned from the validation scores.
    """
    trainings = []
    for scores, fitted in folds:
        fold = int(scores["fold"].iloc[0])
        folder = models / f"fold{fold}"
        write_table(scores, folder / FOLD_PREDICTIONS, FoldPredictions)
        with atomic_write(folder / ESTIMATOR, "wb") as stream:
            stream.write(packed(fitted))
        with atomic_write(folder / TRAINED_SETTINGS) as stream:
            settings = made_by | {"fold": fold, "repeat": 0, "calibration": calibration_of(scores, task).model_dump()}
            json.dump(settings, stream, indent=2)
        trainings.append(scores)
    return trainings


def load_estimator(folder: Path) -> Estimator:
    """What the folder results/<study>/models/<row>/fold<k> holds of a row that is no network.

    Raises:
        UserError: a file is missing, damaged, of another version, or asks for code that is not scikit-learn's.
    """
    path = folder / TRAINED_SETTINGS
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        row, calibration = Row.model_validate(settings["row"]), Calibration.model_validate(settings["calibration"])
        task = load_task(settings["task"], settings["labels"])
    except FileNotFoundError:
        raise UserError(f"{path}: not found. Expected the folder of a fold of a fitted row.") from None
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise UserError(f"{path}: is damaged or of another version ({error!r}). Make the row again.") from error
    return Estimator(row, task, calibration, unpacked(folder / ESTIMATOR), settings)


def packed(models: Models) -> bytes:
    """Fitted estimators as a file of skops, the same bytes for the same estimators."""
    numbers: dict[bytes, int] = {}

    def numbered(match: re.Match) -> bytes:
        return match[1] + str(numbers.setdefault(match[2], len(numbers))).encode()

    found = BytesIO()
    with ZipFile(BytesIO(skops.dumps(models))) as made, ZipFile(found, "w") as kept:
        schema = NUMBER.sub(numbered, STOP_WORDS.sub(rb"\g<1>0", made.read("schema.json")))
        names = {f"{number.decode()}.npy": f"{place}.npy" for number, place in numbers.items()}
        content = {names[name]: made.read(name) for name in made.namelist() if name != "schema.json"}
        for name, data in {"schema.json": schema, **content}.items():
            kept.writestr(ZipInfo(name), data, ZIP_DEFLATED)
    return found.getvalue()


def unpacked(path: Path) -> Models:
    """Fitted estimators of a file.

    Raises:
        UserError: it is missing, damaged, or asks for other types than those trusted.
    """
    try:
        models = skops.load(path, trusted=TRUSTED)
        if not all(map(has_sound_trees, models)):
            raise ValueError("a tree points beyond its nodes or columns")
        return models
    except UntrustedTypesFoundException as error:
        raise UserError(
            f"{path}: holds more than estimators of scikit-learn ({error}). Do not use this file; make the row again."
        ) from error
    except FileNotFoundError:
        raise UserError(f"{path}: not found. Make the row again, or copy the whole folder.") from None
    except (BadZipFile, KeyError, ValueError, TypeError, AttributeError, ImportError, EOFError) as error:
        raise UserError(f"{path}: is damaged or of another version ({error!r}). Make the row again.") from error


def has_sound_trees(model: BaseEstimator) -> bool:
    """Whether the trees of an estimator, if it has some, end; scikit-learn follows them without looking."""
    boosting = model[-1] if isinstance(model, Pipeline) else model
    if not isinstance(boosting, HistGradientBoostingClassifier):
        return True
    trees = [tree for of_step in boosting._predictors for tree in of_step]
    return all(_is_sound(tree.nodes, len(tree.raw_left_cat_bitsets), boosting.n_features_in_) for tree in trees)


def _is_sound(nodes: np.ndarray, bitsets: int, columns: int) -> bool:
    places = np.flatnonzero(nodes["is_leaf"] == 0)
    split = nodes[places]
    below = np.stack([split["left"], split["right"]]).astype(np.int64)
    by_category = split["bitset_idx"][split["is_categorical"] != 0]
    return bool(
        (below > places).all()
        and (below < len(nodes)).all()
        and ((split["feature_idx"] >= 0) & (split["feature_idx"] < columns)).all()
        and (by_category < bitsets).all()
    )
